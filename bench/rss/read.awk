# Titles and memory of given processes. Fills title_hex[pid], mem[pid, "Rss:"] and the like in KiB, and
# state_of[pid].
#
# Many files are read by one run of cat: fast, and the figures are taken within milliseconds of one another.
# Between two files cat is made to read its own environment, which holds a random word and nothing else.
# No content can imitate that border, and a file that is gone leaves its place empty.

function border() {
	return " /proc/self/environ"
}

function bulk_cat(files) {
	return "env -i F=" token " " cat files border()
}

# Titles of list[1..n], as od prints bytes (" 61 62 00"): so NUL bytes survive in every awk.
function read_titles(list, n,  from, to) {
	for (from = 1; from <= n; from = to + 1) {
		to = from + 499 < n ? from + 499 : n
		read_title_batch(list, from, to)
	}
}

function read_title_batch(list, from, to,  cmd, files, i, at, line, rest, mark, title, spare) {
	for (i = from; i <= to; i++) files = files border() " " quoted_proc "/" list[i] "/cmdline"
	# cmdline is readable by everyone; where it is not, or the process is gone, there is no title.
	cmd = bulk_cat(files) " 2>/dev/null | od -An -v -tx1 -w4096"
	mark = text_to_hex("F=" token) " 00"
	i = from - 1
	while ((cmd | getline line) > 0) {
		rest = rest line
		while ((at = index(rest, mark)) > 0) {
			if (i >= from) title_hex[list[i]] = clean_title(title substr(rest, 1, at - 1))
			title = ""
			rest = substr(rest, at + length(mark))
			i++
		}
		# The end may be the beginning of a border. A title is not collected beyond title_max bytes.
		spare = length(rest) - length(mark)
		if (spare > 0) {
			if (length(title) < 3 * title_max) title = title substr(rest, 1, spare)
			rest = substr(rest, spare + 1)
		}
	}
	close(cmd)
	if (i != to + 1) fatal("reading process titles from " proc " failed: env, cat or od did not do its work")
}

# Servers that set a title leave NUL bytes or spaces behind it.
function clean_title(hex) {
	hex = substr(hex, 1, 3 * title_max)
	sub(/( 00| 20)+$/, "", hex)
	return hex
}

# Memory of list[1..n] from the file "smaps_rollup" or "smaps".
function read_memory(list, n, file,  from, to, i) {
	for (from = 1; from <= n; from = to + 1) {
		to = from + 199 < n ? from + 199 : n
		read_memory_batch(list, from, to, file)
		for (i = from; i <= to; i++) classify(list[i], file)
	}
}

# Each memory file is followed by a second look at stat, which tells whose figures these are.
function read_memory_batch(list, from, to, file,  cmd, files, i, line, part, pid, f) {
	for (i = from; i <= to; i++) {
		pid = " " quoted_proc "/" list[i]
		files = files border() pid "/" file border() pid "/stat"
	}
	cmd = bulk_cat(files) " 2>&1 | tr '\\000' '\\n'"
	part = 0
	while ((cmd | getline line) > 0) {
		if (line == "F=" token) {
			part++
			continue
		}
		pid = list[from + int((part - 1) / 2)]
		if (part % 2 == 0) second_stat[pid] = second_stat[pid] == "" ? line : second_stat[pid] "\n" line
		else if (split(line, f, " ") == 3 && f[3] == "kB") mem[pid, f[1]] += f[2]
		else if (line ~ /^[^ ]*cat: /) trouble[pid] = line
	}
	close(cmd)
	if (part != 2 * (to - from + 1) + 1)
		fatal("reading " file " files from " proc " failed: env, cat or tr did not do its work")
}

# Sets state_of[pid]: ok, gone, denied, zombie, kernel, error, or "retry" for a kernel without rollup. The
# second look finds the same process, none, or another one that got the number meanwhile.
function classify(pid, file,  known, same) {
	known = parse_stat(second_stat[pid])
	same = known && S_start == start[pid]
	delete second_stat[pid]
	if (trouble[pid] == "" && ((pid, "Pss:") in mem) && (same || !known)) state_of[pid] = "ok"
	else if (!same) state_of[pid] = "gone"
	else if (is_kernel_thread(S_flags)) state_of[pid] = "kernel"
	else if (S_state == "Z" || S_state == "X") state_of[pid] = "zombie"
	else if (trouble[pid] ~ /denied|not permitted/) state_of[pid] = "denied"
	else if (is_exiting(S_flags)) state_of[pid] = "gone"
	else if (file == "smaps_rollup" && trouble[pid] ~ /No such file/) state_of[pid] = "retry"
	else state_of[pid] = "error"
}
