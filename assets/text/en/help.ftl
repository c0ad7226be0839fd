# The command line's help.
help_about = A terminal lab for CKS practice: a cluster with a security hole, real shells, and checks against it
help_usage = Usage:
help_usage_options = OPTIONS
help_usage_command = COMMAND
help_commands = Commands
help_arguments = Arguments
help_options = Options
help_help = Print help
help_version = Print version
help_help_command = Print this message or the help of the given subcommand(s)
help_default = default: { $value }
help_values = possible values: { $values }

help_name = Keeps several labs apart
help_lessons = Lessons beside those built in: a directory, or the address of a git repository
help_lang = The language of lessons and program: en, ja

help_start = Open the lab: pick up where you were, or begin a lesson
help_list = Show the lessons and your scores
help_up = Run a lab without the terminal program until Ctrl-C or SIGTERM
help_exec = Run a command on a node of the running lab; its exit status is this command's
help_shell = Open an interactive shell on a node of the running lab
help_check = Grade the running lab: exit 0 all passed, 1 something failed, 2 could not be checked
help_hint = Show the next hint
help_solve = Apply the reference solution
help_report = Write down what was done and how well
help_reset = Start a step or the whole lesson over
help_restore = Undo what was changed on a live cluster
help_lesson = For authors of lessons
help_doctor = Say what this machine can do, what is missing, and how to get it
help_completions = Print completions for a shell
help_man = Print the manual page
help_man_command = The command whose page it is

help_lab_lesson = The lesson's id; without it, the one that was begun, or the first
help_lab_cluster = The kind of cluster
help_lab_binaries = The directory of the real kube-apiserver and etcd of a local cluster [default: KUBEBUILDER_ASSETS, then PATH]
help_lab_kubernetes = The Kubernetes release to emulate
help_lab_fresh = Throw away what is there and begin anew
help_lab_realistic = The real waits of a kubelet instead of short ones
help_lab_plain_nodes = Nodes without namespaces, even where those are allowed
help_lab_port = The API server's port on this machine's loopback; 0 takes a free one

help_live = A live cluster
help_live_context = The kubeconfig context of a live cluster
help_live_kubeconfig = The kubeconfig of a live cluster
help_live_node_access = How to reach a node: 'NAME=ssh cp sudo -i', or a driver (ssh, docker, minikube, lima, multipass, vagrant, kubectl-debug, local); without NAME= it holds for all. Repeatable
help_live_yes = Agree to the plan beforehand
help_live_keep = Leave the cluster prepared at the end; `cks-lab restore` undoes it later
help_live_read_only = Grade a cluster that is prepared already; change nothing
help_live_max_nodes = Ask once more about clusters with more nodes
help_live_wait = How long a restarted API server may take

help_start_exam = Graded at the end, against the clock, without hints; LESSON may be an exam's id, too
help_start_plain = Line by line, without a full screen: for screen readers, logs and slow links
help_json = Print one line of JSON
help_up_json = Print one line of JSON when it is ready
help_node = The node: controlplane or node01
help_exec_command = The command with its arguments
help_check_step = One step; without it all
help_current_step = The step; without it the current one
help_reset_step = One step; without it the whole lesson
help_reset_yes = Do not ask
help_report_format = The form
help_report_output = A file instead of stdout
help_report_verify = Check a report that was handed in (html, json, markdown, junit): exit 0 it is as it was made, 1 it was changed
help_restore_kubeconfig = Another kubeconfig than the one that the lab was started with
help_restore_context = Another context of it
help_restore_overwrite = Put the original manifest back even where somebody changed it otherwise than the lesson does
help_restore_node_access = Another way to the control plane than the one that the lab was started with: 'NAME=ssh cp sudo -i'
help_restore_forget = Give the undo up, for a cluster that is gone for good: nothing is put back, and the journal is kept aside
help_shell_name = The shell

help_lesson_new = Make the files of a new lesson
help_lesson_new_id = The lesson's id
help_lesson_new_into = Where its directory goes
help_lesson_lint = Find problems, with file and line
help_lesson_named = Lessons by id or directory; without any, all
help_lesson_test = Prove that the untouched lab fails, the solution passes, and each wrong answer is told
help_lesson_test_cluster = The kinds of cluster; repeatable
help_lesson_test_jobs = How many labs at once; 0 takes as many as there are processors
help_lesson_test_kubernetes = The Kubernetes releases to test with; all without it
help_lesson_preview = Show a lesson as the lab does, and again whenever one of its files changes
help_lesson_preview_lesson = The lesson's directory, or its id
help_lesson_preview_width = The width in columns of what is printed without a terminal
help_lesson_import = Take over a killercoda scenario or course; no script of it is run
help_lesson_import_scenario = The directory of a scenario (index.json) or a course (structure.json)
help_lesson_import_into = Where the lessons' directories go
help_lesson_schema = Print the JSON schema of lesson.yaml, for editors
help_cluster_sandbox = The embedded cluster
help_cluster_local = The same nodes with the real kube-apiserver and etcd
help_cluster_live = A cluster of a kubeconfig

# Mistakes on the command line, where clap's own English is not enough.
usage_error = error:
usage_unknown_argument = unexpected argument '{ $argument }' found
usage_unknown_command = unrecognized subcommand '{ $command }'
usage_missing = the following required arguments were not provided: { $arguments }
usage_missing_command = a subcommand is required
usage_value = invalid value '{ $value }' for '{ $argument }'
usage_no_value = a value is required for '{ $argument }'
usage_conflict = the argument '{ $argument }' cannot be used with '{ $other }'
usage_other = the command line is not understood
usage_similar = a similar one exists: { $names }
usage_possible = possible values: { $values }
usage_more = For more information, try '--help'.
help_report_exam = The last exam that was graded, instead of the lesson
help_list_lesson = A lesson's id: your attempts at it, instead of all lessons
