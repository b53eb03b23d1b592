# Strings of arbitrary bytes: made visible for people, and valid as JSON and CSV.
#
# All files of this folder work with mawk, gawk and busybox awk under LC_ALL=C (a character is a byte):
# no intervals in regular expressions, no %d for numbers that may pass 2^31, and no getline from files
# in /proc, because mawk ends with "read error" when a process vanishes between open and read.

# Fills chr (two hexadecimal digits -> byte), hex_of and ord (byte -> digits, number).
function init_bytes(  i, c) {
	chr["00"] = " " # what separates the arguments in a command line
	for (i = 1; i < 256; i++) {
		c = sprintf("%c", i)
		hex_of[c] = sprintf("%02x", i)
		chr[hex_of[c]] = c
		ord[c] = i
	}
}

# One word for sh, whatever s holds.
function shell_quote(s,  n, parts, i, out) {
	n = split(s, parts, "'")
	out = parts[1]
	for (i = 2; i <= n; i++) out = out "'\\''" parts[i]
	return "'" out "'"
}

# "ab" -> " 61 62", the form that od prints.
function text_to_hex(s,  i, hex) {
	for (i = 1; i <= length(s); i++) hex = hex " " hex_of[substr(s, i, 1)]
	return hex
}

function hex_to_text(hex,  n, bytes, i, s) {
	n = split(hex, bytes, " ")
	for (i = 1; i <= n; i++) s = s chr[bytes[i]]
	return s
}

# Length in bytes of the valid UTF-8 sequence at position i of s, 0 if there is none there. Sets CP, its
# code point.
function utf8(s, i,  lead, len, low, high, k, c) {
	CP = lead = ord[substr(s, i, 1)]
	if (lead < 128) return 1
	if (lead < 194 || lead > 244) return 0
	len = lead < 224 ? 2 : lead < 240 ? 3 : 4
	CP = lead - (len == 2 ? 192 : len == 3 ? 224 : 240)
	# The second byte has narrower limits where it would make an overlong form, a surrogate or a code
	# point above U+10FFFF.
	low = lead == 224 ? 160 : lead == 240 ? 144 : 128
	high = lead == 237 ? 159 : lead == 244 ? 143 : 191
	if (i + len - 1 > length(s)) return 0
	for (k = 1; k < len; k++) {
		c = ord[substr(s, i + k, 1)]
		if (c < low || c > high) return 0
		CP = CP * 64 + c - 128
		low = 128
		high = 191
	}
	return len
}

# C0, DEL and C1: they would act on a terminal.
function is_control(cp) {
	return cp < 32 || (cp > 126 && cp < 160)
}

# Marks that reorder the text around them (U+200E, U+200F, U+2028..U+202E, U+2066..U+2069): a title could
# use them to disguise its row.
function is_bidi(cp) {
	return cp == 8206 || cp == 8207 || (cp > 8231 && cp < 8239) || (cp > 8293 && cp < 8298)
}

# For people: control characters, bidi marks and invalid UTF-8 become \xNN, byte by byte; with allow_utf8
# = 0 all that is not ASCII does.
function visible(s, allow_utf8,  i, n, k, out) {
	if (s !~ /[^ -~]/) return s
	for (i = 1; i <= length(s); i += n) {
		n = utf8(s, i)
		if (n > 0 && !is_control(CP) && !is_bidi(CP) && (allow_utf8 || CP < 128)) {
			out = out substr(s, i, n)
			continue
		}
		if (n == 0) n = 1
		for (k = 0; k < n; k++) out = out "\\x" hex_of[substr(s, i + k, 1)]
	}
	return out
}

# A JSON string, quotes included. Each byte that is no valid UTF-8 becomes \ufffd.
function json_string(s,  i, n, c, out) {
	for (i = 1; i <= length(s); i += n) {
		n = utf8(s, i)
		c = substr(s, i, n)
		if (n == 0) {
			n = 1
			out = out "\\ufffd"
		} else if (c == "\"") out = out "\\\""
		else if (c == "\\") out = out "\\\\"
		else if (c == "\n") out = out "\\n"
		else if (c == "\t") out = out "\\t"
		else if (c == "\r") out = out "\\r"
		else if (is_control(CP)) out = out sprintf("\\u%04x", CP)
		else out = out c
	}
	return "\"" out "\""
}

# A field of RFC 4180. Made visible first, so that a record is always one line.
function csv_string(s) {
	s = visible(s, 1)
	if (s !~ /[",]/) return s
	gsub(/"/, "\"\"", s)
	return "\"" s "\""
}

# Columns that the character with this code point may take: code points from U+1100 on count as wide,
# which some are not, but a line never gets too long.
function columns_of(cp) {
	return cp < 4352 ? 1 : 2
}

# Cuts s to a number of columns, the last three of which then say "...".
function fit(s, columns,  i, n, used, keep) {
	for (i = 1; i <= length(s); i += n) {
		n = utf8(s, i)
		if (n == 0) n = 1
		used += columns_of(CP)
		if (used <= columns - 3) keep = i + n - 1
	}
	return used > columns ? substr(s, 1, keep) "..." : s
}

# Breaks text at spaces into lines of at most the given number of bytes.
function wrap(text, columns,  n, words, i, line, lines) {
	n = split(text, words, " ")
	for (i = 1; i <= n; i++) {
		if (line != "" && length(line) + 1 + length(words[i]) > columns) {
			lines = lines line "\n"
			line = ""
		}
		line = line (line == "" ? "" : " ") words[i]
	}
	return lines line "\n"
}
