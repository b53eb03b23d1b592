# One block. The shell gives everything in the environment, where awk does not touch backslashes, and gets
# back: "STATUS n", the reason when nothing matched, the PIDs with their start times, and the block.

BEGIN {
	init_bytes()
	proc = ENVIRON["RSS_PROC"]
	quoted_proc = shell_quote(proc)
	cat = shell_quote(ENVIRON["RSS_CAT"])
	token = ENVIRON["RSS_TOKEN"]
	self = ENVIRON["RSS_SELF"]
	time = ENVIRON["RSS_TIME"]
	width = ENVIRON["RSS_WIDTH"] + 0
	utf8_terminal = ENVIRON["RSS_UTF8"] + 0
	by = ENVIRON["RSS_BY"]
	value = ENVIRON["RSS_VALUE"]
	title_max = 4096

	read_processes()
	select_processes(by, value)
	build_rows()
	read_rows(by)
	add_up()
	write_notes()

	if (ENVIRON["RSS_FORMAT"] == "json") render_json(by, value)
	else if (ENVIRON["RSS_FORMAT"] == "csv") render_csv(ENVIRON["RSS_BLOCK"] == 1)
	else render_table(by " " value)
	print "STATUS " (row_count == gone_count + 0 ? 3 : sum[0, "unreadable"] ? 1 : 0)
	print visible(reason, 0)
	print pins
	printf "%s", out
}
