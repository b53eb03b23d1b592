# One JSON object on one line: KiB as integers, null for what is not known.

function render_json(by, value,  i, g) {
	if (!row_count) note("No process: " reason)
	out = "{\"timestamp\":\"" time "\",\"selector\":{\"by\":\"" by "\",\"value\":" json_string(value) \
		"},\"source\":" (row_count ? "\"" source "\"" : "null") ",\"groups\":["
	for (i = 1; i <= row_count; i++) {
		g = row_group[i]
		if (is_group_start(i)) out = out (i == 1 ? "" : ",") "{\"root_pid\":" group_root[g] ",\"processes\":["
		else out = out ","
		out = out json_process(row_pid[i], row_level[i])
		if (is_group_end(i)) out = out "],\"totals\":" json_totals(g) "}"
	}
	out = out "],\"totals\":" json_totals(0) ",\"notes\":["
	for (i = 1; i <= note_count; i++) out = out (i == 1 ? "" : ",") json_string(notes[i])
	out = out "]}\n"
}

function json_process(pid, level,  known, title) {
	known = pid in start
	title = title_hex[pid] == "" ? "null" : json_string(hex_to_text(title_hex[pid]))
	return "{\"pid\":" pid ",\"ppid\":" (known ? ppid[pid] : "null") ",\"depth\":" level ",\"title\":" title \
		",\"comm\":" (known ? json_string(comm[pid]) : "null") ",\"state\":\"" state_of[pid] "\"" \
		",\"threads\":" (known ? threads[pid] : "null") json_figures(pid) "}"
}

function json_figures(pid,  names, n, i, text) {
	n = split("rss pss uss shared swap_pss", names, " ")
	for (i = 1; i <= n; i++)
		text = text ",\"" names[i] "_kib\":" ((pid, names[i]) in fig ? whole(fig[pid, names[i]]) : "null")
	return text
}

function json_totals(g,  names, n, i, text) {
	n = split("rss pss uss", names, " ")
	for (i = 1; i <= n; i++)
		text = text ",\"" names[i] "_kib\":" ((g, names[i]) in sum ? whole(sum[g, names[i]]) : "null")
	return "{\"processes\":" sum[g, "processes"] + 0 ",\"unreadable\":" sum[g, "unreadable"] + 0 \
		",\"threads\":" ((g, "threads") in sum ? sum[g, "threads"] : "null") text \
		",\"complete\":" (sum[g, "unreadable"] ? "false" : "true") "}"
}
