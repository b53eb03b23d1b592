# The table for people: MiB, one line per process, cut to the width of the terminal.

function table_row(pid, thread_count, rss, pss, uss, shared, text) {
	out = out sprintf("%7s %4s %8s %8s %8s %8s  ", pid, thread_count, rss, pss, uss, shared) text "\n"
}

function render_table(selector,  i) {
	out = visible(selector, utf8_terminal) "  " time "\n"
	if (!row_count) {
		out = out "No process: " visible(reason, utf8_terminal) "\n"
		return
	}
	table_row("PID", "THR", "RSS MiB", "PSS MiB", "USS MiB", "SHARED", "PROCESS")
	for (i = 1; i <= row_count; i++) {
		table_process(row_pid[i], row_level[i])
		if (group_count > 1 && is_group_end(i)) {
			if (sum[row_group[i], "readable"]) table_total(row_group[i], "tree", "")
			out = out "\n"
		}
	}
	if (group_count > 1) table_total(0, "all", " in " group_count " trees")
	else table_total(0, "total", "")
	for (i = 1; i <= note_count; i++) out = out "\n" wrap(visible(notes[i], utf8_terminal), 79)
}

# Like ps, a process without arguments is shown by its command name in brackets.
function title_text(pid) {
	if (title_hex[pid] != "") return hex_to_text(title_hex[pid])
	return pid in comm ? "[" comm[pid] "]" : "-"
}

function table_process(pid, level,  indent, title, state, thread_count) {
	indent = substr("                ", 1, 2 * level)
	title = fit(indent visible(title_text(pid), utf8_terminal), width - 50)
	state = state_of[pid]
	thread_count = pid in threads ? threads[pid] : "-"
	if (state == "ok")
		table_row(pid, thread_count, mib(fig[pid, "rss"]), mib(fig[pid, "pss"]), mib(fig[pid, "uss"]), \
			mib(fig[pid, "shared"]), title)
	else table_row(pid, thread_count, state, "-", "-", "-", title)
}

function table_total(g, label, suffix,  text, thread_count) {
	text = sum[g, "processes"] (sum[g, "processes"] == 1 ? " process" : " processes") suffix
	if (sum[g, "unreadable"]) text = "at least (" sum[g, "unreadable"] " of " sum[g, "processes"] " unread)"
	thread_count = (g, "threads") in sum ? sum[g, "threads"] : "-"
	if (sum[g, "readable"])
		table_row(label, thread_count, mib(sum[g, "rss"]), mib(sum[g, "pss"]), mib(sum[g, "uss"]), "", text)
	else table_row(label, thread_count, "-", "-", "-", "", text)
}
