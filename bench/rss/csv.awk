# CSV as in RFC 4180: lines end with CR LF, the header comes once, KiB as integers, empty for what is not
# known. The column "record" tells processes from the totals of a tree and the total of the block.

# All fields but the first and the figures, which begin with a comma, come as arguments.
function csv_line(record, root, pid, parent, level, title, state, thread_count, figures) {
	out = out time "," record "," root "," pid "," parent "," level "," title "," state "," thread_count
	out = out figures "\r\n"
}

function render_csv(with_header,  i) {
	if (with_header)
		out = "timestamp,record,root_pid,pid,ppid,depth,title,state,threads," \
			"rss_kib,pss_kib,uss_kib,shared_kib,swap_pss_kib\r\n"
	for (i = 1; i <= row_count; i++) {
		csv_process(group_root[row_group[i]], row_pid[i], row_level[i])
		if (is_group_end(i)) csv_total("tree", group_root[row_group[i]], row_group[i])
	}
	csv_total("total", "", 0)
}

function csv_process(root, pid, level,  names, n, i, text, title) {
	n = split("rss pss uss shared swap_pss", names, " ")
	for (i = 1; i <= n; i++) text = text "," ((pid, names[i]) in fig ? whole(fig[pid, names[i]]) : "")
	title = pid in start ? csv_string(title_text(pid)) : ""
	csv_line("process", root, pid, ppid[pid], level, title, state_of[pid], threads[pid], text)
}

function csv_total(record, root, g,  names, n, i, text, state) {
	n = split("rss pss uss", names, " ")
	for (i = 1; i <= n; i++) text = text "," ((g, names[i]) in sum ? whole(sum[g, names[i]]) : "")
	state = sum[g, "unreadable"] ? "at least" : "complete"
	if (!row_count) state = "none"
	csv_line(record, root, "", "", "", "", state, sum[g, "threads"], text ",,")
}
