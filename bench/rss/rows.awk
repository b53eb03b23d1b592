# The rows of a block: trees of the wanted processes, parents before children, children by PID. Fills
# row_pid, row_level, row_group[1..row_count] and group_root[1..group_count]; gone_count is how many of the
# rows are PIDs that do not exist.

function build_rows(  i) {
	for (i = 1; i <= wanted_count; i++)
		if (!(wanted[i] in listed) && !below_wanted(wanted[i])) add_tree(wanted[i])
	for (i = 1; i <= absent_count; i++) if (!(absent[i] in listed)) add_absent(absent[i])
}

# What the snapshot has under this number, if anything, is another process.
function add_absent(pid) {
	delete start[pid]
	delete comm[pid]
	delete ppid[pid]
	delete threads[pid]
	state_of[pid] = missing[pid]
	if (missing[pid] == "gone") gone_count++
	group_root[++group_count] = pid
	add_row(pid, 0)
}

# The snapshot is not atomic: numbers that are reused while it is taken could make a circle of parents.
function below_wanted(pid,  first, found, steps) {
	first = pid
	for (steps = 0; steps < pid_count && (pid in ppid); steps++) {
		pid = ppid[pid]
		if (pid == first) return 0
		if (pid in wanted_set) found = 1
		# A unit's tree does not go through processes of other units.
		if (members_only) return found
	}
	return found
}

# With its own stack, as chains of processes may be longer than an awk lets functions nest.
function add_tree(root,  depth, stack, level, pid, pid_level) {
	group_root[++group_count] = root
	stack[1] = root
	level[1] = 0
	depth = 1
	while (depth > 0) {
		pid = stack[depth]
		pid_level = level[depth--]
		if ((pid in listed) || (pid in own) || (members_only && !(pid in wanted_set))) continue
		add_row(pid, pid_level)
		depth = push_children(pid, stack, level, depth, pid_level + 1)
	}
}

# Returns the new depth of the stack.
function push_children(pid, stack, level, depth, child_level,  i) {
	for (i = children[pid]; i > 0; i--) {
		stack[++depth] = child[pid, i]
		level[depth] = child_level
	}
	return depth
}

function add_row(pid, level) {
	listed[pid] = 1
	row_pid[++row_count] = pid
	row_level[row_count] = level
	row_group[row_count] = group_count
}

function is_group_start(row) {
	return row == 1 || row_group[row - 1] != row_group[row]
}

function is_group_end(row) {
	return row == row_count || row_group[row + 1] != row_group[row]
}

# Titles first: what is read last is freshest, and that should be the figures.
function read_rows(by,  i, n, list, again, again_count) {
	for (i = 1; i <= row_count; i++) if (row_pid[i] in start) list[++n] = row_pid[i]
	if (by != "name") read_titles(list, n)
	source = "smaps_rollup"
	read_memory(list, n, source)
	for (i = 1; i <= n; i++)
		if (state_of[list[i]] == "retry") {
			again[++again_count] = list[i]
			delete trouble[list[i]]
		}
	if (!again_count) return
	source = "smaps"
	read_memory(again, again_count, source)
}
