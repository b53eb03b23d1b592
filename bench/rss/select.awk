# Which processes a selector names. Fills wanted[1..wanted_count] and, for --pid, absent[1..absent_count]
# with missing[pid] = gone or denied; reason says why nothing matched, if nothing did.

function select_processes(by, value) {
	mark_own(self)
	if (by == "pid") select_pids(ENVIRON["RSS_PIDS"])
	else if (by == "unit") select_members(ENVIRON["RSS_PIDS"])
	else if (by == "name") select_name(value)
	else select_holders(ENVIRON["RSS_INODES"])
}

# This tool and what it starts are not part of any server.
function mark_own(pid,  i) {
	own[pid] = 1
	for (i = 1; i <= children[pid]; i++) mark_own(child[pid, i])
}

function want(pid) {
	if (pid in wanted_set || pid in own) return
	wanted_set[pid] = 1
	wanted[++wanted_count] = pid
}

# The list has "PID" or, from the second block on, "PID:START" (pins, for the next block): a number that was
# given to another process meanwhile is not the process that was asked for.
function select_pids(list,  n, items, i, pin, pid) {
	n = split(list, items, " ")
	for (i = 1; i <= n; i++) {
		split(items[i], pin, ":")
		pid = pin[1]
		if ((pid in start) && (pin[2] == "" || pin[2] == start[pid])) {
			want(pid)
			pins = pins " " pid ":" start[pid]
			continue
		}
		pins = pins " " (pin[2] == "" ? pid ":none" : items[i])
		if (pid in missing) continue
		absent[++absent_count] = pid
		missing[pid] = pid in hidden ? "denied" : "gone"
		reason = reason (reason == "" ? "no process " : ", ") pid
	}
}

# A unit is what its cgroup holds: descendants that left the cgroup are not part of it.
function select_members(list,  n, items, i) {
	members_only = 1
	n = split(list, items, " ")
	for (i = 1; i <= n; i++) if (items[i] in start) want(items[i])
	reason = ENVIRON["RSS_REASON"]
	if (reason == "") reason = "the processes of the unit are not in " proc
}

function select_name(name,  i, n, list, pid, hex, program, at) {
	for (i = 1; i <= pid_count; i++)
		if (!is_kernel_thread(flags[pids[i]]) && !(pids[i] in own)) list[++n] = pids[i]
	read_titles(list, n)
	hex = text_to_hex(name)
	for (i = 1; i <= n; i++) {
		pid = list[i]
		program = title_hex[pid]
		if ((at = index(program, " 00")) > 0) program = substr(program, 1, at - 1)
		while ((at = index(program, " 2f")) > 0) program = substr(program, at + 3)
		if (comm[pid] == name || program == hex || hex_to_text(title_hex[pid]) == name) want(pid)
	}
	reason = "no process has the command name, program file name or title \"" name "\""
}

# Processes that have one of the sockets open. systemd keeps the sockets of services that it starts on
# demand; it is not the server when another process has the socket too.
function select_holders(inodes,  n, items, i, link, held, others, denied, pid) {
	reason = ENVIRON["RSS_REASON"]
	n = split(inodes, items, " ")
	if (!n) return
	for (i = 1; i <= n; i++) link["socket:[" items[i] "]"] = 1
	if (n > 1) note(n " listening sockets were bound to this path; it leads to the newest of them.")
	denied = find_holders(link, held)
	for (pid in held) if (comm[pid] != "systemd") others = 1
	for (i = 1; i <= pid_count; i++)
		if ((pids[i] in held) && !(others && comm[pids[i]] == "systemd")) want(pids[i])
	if (wanted_count && !others) {
		wanted_count = 0
		reason = "only systemd holds the socket: its service has not been started yet"
	} else if (denied) reason = "the socket's owner may not be examined (" denied " processes denied): run as root"
	else reason = "the process that listened has just ended, or is in another PID namespace"
}

# Sets held[pid] for every process with an open file whose link text is in link[]. Returns how many processes
# may not be examined.
function find_holders(link, held,  cmd, line, f, pid, denied, suspect) {
	# /dev/null: with two operands ls always says which directory it lists.
	cmd = "ls -ln /dev/null " quoted_proc "/[0-9]*/fd 2>&1"
	while ((cmd | getline line) > 0) {
		if (match(line, /\/[0-9]+\/fd:$/)) pid = substr(line, RSTART + 1, RLENGTH - 5)
		else if (line ~ /^[^ ]*ls: /) {
			if (line ~ /denied|not permitted/) denied++
			else if (line !~ /No such/) fatal("cannot list the open files of processes: " line)
		} else if (split(line, f, " ") == 11 && f[10] == "->" && (f[11] in link) && f[9] ~ /^[0-9]+$/)
			suspect[pid] = f[9]
	}
	close(cmd)
	# An open file may have a newline in its name and look like lines of ls: look at the link itself.
	for (pid in suspect) if (link_text(pid "/fd/" suspect[pid]) in link) held[pid] = 1
	return denied
}

function link_text(file,  cmd, text) {
	cmd = "readlink " quoted_proc "/" file " 2>/dev/null"
	if ((cmd | getline text) <= 0) text = ""
	close(cmd)
	return text
}
