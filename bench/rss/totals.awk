# Figures of the rows, their totals, and the sentences that say what the totals mean. Fills
# fig[pid, name] in KiB (names rss, pss, uss, shared, swap_pss; absent when unknown), sum[group, name] with
# group 0 for everything, and notes[1..note_count].

function note(text) {
	notes[++note_count] = text
}

# RSS does not contain huge pages of hugetlbfs, so they are left out of the difference that is "shared".
function set_figures(pid,  private) {
	private = mem[pid, "Private_Clean:"] + mem[pid, "Private_Dirty:"]
	fig[pid, "rss"] = mem[pid, "Rss:"]
	fig[pid, "pss"] = mem[pid, "Pss:"]
	fig[pid, "uss"] = private + mem[pid, "Private_Hugetlb:"]
	fig[pid, "shared"] = mem[pid, "Rss:"] - private
	if ((pid, "SwapPss:") in mem) fig[pid, "swap_pss"] = mem[pid, "SwapPss:"]
}

# A zombie has no memory to read, unless only its first thread has ended; a kernel thread never has any.
function is_unreadable(pid) {
	if (state_of[pid] == "ok" || state_of[pid] == "kernel") return 0
	return state_of[pid] != "zombie" || threads[pid] > 1
}

function add_up(  i) {
	for (i = 1; i <= row_count; i++) {
		if (state_of[row_pid[i]] == "ok") set_figures(row_pid[i])
		count_row(row_group[i], row_pid[i])
		count_row(0, row_pid[i])
	}
}

function count_row(group, pid) {
	sum[group, "processes"]++
	if (pid in threads) sum[group, "threads"] += threads[pid]
	if (is_unreadable(pid)) sum[group, "unreadable"]++
	if (state_of[pid] != "ok") return
	sum[group, "readable"]++
	sum[group, "rss"] += fig[pid, "rss"]
	sum[group, "pss"] += fig[pid, "pss"]
	sum[group, "uss"] += fig[pid, "uss"]
	sum[group, "swap"] += mem[pid, "SwapPss:"]
	sum[group, "hugetlb"] += mem[pid, "Private_Hugetlb:"] + mem[pid, "Shared_Hugetlb:"]
}

# Exact in every awk, also beyond 2^31.
function whole(number) {
	return sprintf("%.0f", number)
}

function mib(kib) {
	return sprintf("%.2f", kib / 1024)
}

function write_notes() {
	if (sum[0, "readable"]) note_sharing(sum[0, "rss"] - sum[0, "pss"], sum[0, "readable"])
	if (sum[0, "unreadable"]) note_unreadable()
	if (source == "smaps")
		note("This kernel has no smaps_rollup: the figures are sums over smaps, where PSS is rounded" \
			" down to 1 KiB for each mapping.")
	if (sum[0, "swap"] > 0)
		note(mib(sum[0, "swap"]) " MiB of these processes are in swap, and in none of these figures.")
	if (sum[0, "hugetlb"] > 0)
		note("The kernel counts huge pages of hugetlbfs neither in RSS nor in PSS; those of one process" \
			" alone are in its USS.")
	if (hidden_count)
		note(hidden_count " processes of this machine may not be examined (hidepid): there may be more" \
			" processes in these trees. Run as root to see all.")
}

# Pages that outsiders map too are in the difference as well: therefore "up to".
function note_sharing(excess_kib, readable) {
	if (excess_kib <= 0) return
	if (readable > 1)
		note("Summed RSS counts up to " mib(excess_kib) " MiB of shared pages more than once, in full for" \
			" each process that maps them. PSS divides a page among these: PSS is the figure that adds up.")
	else
		note("RSS is " mib(excess_kib) " MiB above PSS: it counts pages in full that processes outside this" \
			" list map too. PSS divides a page among all that map it: PSS is the figure that adds up.")
}

function note_unreadable(  i, pid, states, n, tally, text) {
	for (i = 1; i <= row_count; i++) {
		pid = row_pid[i]
		if (!is_unreadable(pid)) continue
		tally[state_of[pid]]++
		if (state_of[pid] == "error")
			note("Process " pid ": " (trouble[pid] == "" ? "no figures in " source : trouble[pid]))
	}
	n = split("gone denied zombie error", states, " ")
	for (i = 1; i <= n; i++)
		if (states[i] in tally) text = text (text == "" ? "" : ", ") tally[states[i]] " " states[i]
	note(sum[0, "unreadable"] " of " sum[0, "processes"] " processes could not be read (" text "): the totals" \
		" leave them out." (tally["denied"] ? " Reading another user's process takes root or CAP_SYS_PTRACE." : ""))
}
