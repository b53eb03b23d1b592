# The processes of the machine, from one pass over /proc/PID/stat.
#
# Fills, by PID: comm, ppid, flags, threads, start (ticks after boot, kept as text: it passes 2^31 after
# 248 days); pids[1..pid_count] in numerical order; child[pid, 1..children[pid]]; hidden[pid] for those
# that may not be examined at all (hidepid).

# Ends the program; the shell prints the message and exits.
function fatal(message) {
	print "STATUS 71\n" visible(message, 0)
	exit 0
}

# Takes text of /proc/PID/stat apart into S_pid, S_comm, S_state, S_ppid, S_flags, S_threads, S_start.
# Returns 0 when it is not complete. The command name may hold spaces, parentheses and newlines, but only
# 15 bytes: too few to imitate the 40 fields that follow the last parenthesis.
function parse_stat(text,  tail, f, i, open) {
	if (!match(text, /^[0-9]+ \(/)) return 0
	open = RLENGTH
	tail = text
	while ((i = index(tail, ")")) > 0) tail = substr(tail, i + 1)
	if (split(tail, f, " ") < 30 || f[1] !~ /^[A-Za-z]$/ || f[2] !~ /^[0-9]+$/) return 0
	S_pid = substr(text, 1, open - 2)
	S_comm = substr(text, open + 1, length(text) - length(tail) - open - 1)
	S_state = f[1]
	S_ppid = f[2]
	S_flags = f[7]
	S_threads = f[18]
	S_start = f[20]
	return 1
}

# PF_KTHREAD, 0x200000
function is_kernel_thread(process_flags) {
	return int(process_flags / 2097152) % 2
}

# PF_EXITING, 0x4: the memory is being given back, the zombie is not there yet
function is_exiting(process_flags) {
	return int(process_flags / 4) % 2
}

function read_processes(  cmd, line, text) {
	cmd = "cat " quoted_proc "/[0-9]*/stat 2>&1"
	while ((cmd | getline line) > 0) {
		if (text == "" && line !~ /^[0-9]+ \(/) {
			stat_trouble(line)
			continue
		}
		# A command name with a newline makes a record of several lines.
		text = text == "" ? line : text "\n" line
		if (parse_stat(text)) {
			add_process()
			text = ""
		}
	}
	close(cmd)
	if (text != "") fatal("cannot understand a stat file in " proc ": " text)
	order_processes()
	if (!pid_count) fatal("no process in " proc ": is it a mounted proc file system?")
}

# What cat says about a file: a process that has just ended is none of our business.
function stat_trouble(line) {
	if (line ~ /denied|not permitted/ && match(line, /[0-9]+\/stat/)) {
		hidden[substr(line, RSTART, RLENGTH - 5)] = 1
		hidden_count++
	} else if (line !~ /No such process/ && line !~ /\/stat.*No such file/)
		fatal("cannot list the processes in " proc ": " line)
}

function add_process(  digits) {
	comm[S_pid] = S_comm
	ppid[S_pid] = S_ppid
	flags[S_pid] = S_flags
	threads[S_pid] = S_threads
	start[S_pid] = S_start
	digits = length(S_pid)
	by_digits[digits, ++digits_count[digits]] = S_pid
}

# The shell expands names in the order of text; among numbers of one length that is the numerical order.
function order_processes(  digits, i, pid) {
	for (digits = 1; digits <= 10; digits++)
		for (i = 1; i <= digits_count[digits]; i++) {
			pid = by_digits[digits, i]
			pids[++pid_count] = pid
			child[ppid[pid], ++children[ppid[pid]]] = pid
		}
}
