# What commands say.
cli_no_lesson_begun = no lesson was begun in the lab "{ $name }"
cli_begin_one_to_report = begin one with `cks-lab`, then there is something to report
cli_no_exam_graded = no exam was graded under the name "{ $name }"
cli_exam_report_at_end = an exam is graded when it is handed in or time is up: cks-lab start --exam
cli_name_another_file = name another file with -o
cli_report_shows_otherwise = { $file } was changed: it does not show what its evidence says
cli_evidence_says = the evidence says { $claim }
cli_report_of_other_version = the evidence is whole; what the file shows could not be compared, since cks-lab { $version } made it
cli_error = error:
cli_nothing_changed = nothing was changed
cli_descriptor_not_copied = a descriptor cannot be copied
cli_terminal_not_copied = the terminal cannot be copied
cli_phase_nodes = making the nodes ...
cli_phase_server = starting the API server ...
cli_phase_lesson = preparing the lesson ...
cli_phase_ready = ready
cli_signals_not_caught = signals cannot be caught
cli_needs_terminal = the terminal program needs a terminal, and this is none
cli_needs_terminal_window = run it in a terminal window
cli_needs_terminal_plain = or line by line: cks-lab start --plain
cli_needs_terminal_up = or without a person: cks-lab up --json, then cks-lab exec, cks-lab check
lab_answer_not_understood = the lab's answer is not understood
lab_no_answer = no answer
cli_no_more_hints = all hints of this step have been shown; `cks-lab solve` applies the solution
cli_no_lesson_yaml = { $path } holds no lesson.yaml
cli_lint_summary = { $lessons ->
        [one] 1 lesson
        *[other] { $lessons } lessons
    }, { $problems ->
        [one] 1 problem
        *[other] { $problems } problems
    }
cli_warning = warning: { $warning }
cli_imported = { $lessons ->
        [one] 1 lesson
        *[other] { $lessons } lessons
    } made, { $warnings ->
        [one] 1 warning
        *[other] { $warnings } warnings
    }; read their scripts before you start them: cks-lab start LESSON --lessons { $into }
cli_several_lessons = { $lesson } holds several lessons
cli_name_one_lesson = name the directory of one
preview_hint = { $id }: hint { $number } of { $count }
terminal_cannot_be_used = the terminal cannot be used
cli_cannot_watch = changes of { $dir } cannot be watched
live_still_prepared = a live cluster is still prepared for this lab: `cks-lab restore` puts it back
live_prepared_read_only = this lab's cluster is prepared, and --read-only changes nothing
live_undo_first = undo it first: cks-lab restore; or use another --name
live_already_prepared = the cluster of context { $context } is prepared already; going on
live_not_undone = an earlier lab on a live cluster was not undone
live_put_back_first = Put that cluster back as it was first?
live_restore_does_it = nothing was changed; `cks-lab restore` does it
live_note = Note: { $note }
live_careful = Careful: { $doubt }.
live_really = Is this really a cluster to practise on?
live_change_so = Change this cluster so?
live_no_answer = no answer could be read: answer yes in a terminal, or agree beforehand with --yes
live_given_up = the undo on the cluster of context { $context } was given up, and nothing was put back there; the manifest as it was lies in { $copy } on the control plane, if that is still there
live_journal_kept = the journal is kept as { $kept }
live_stays = the cluster stays as it is; `cks-lab restore` puts it back
live_put_back = Put the cluster back as it was?
live_putting_back = putting the cluster of context { $context } back as it was ...
cli_no_man_page = the manual page cannot be made
cli_no_command = there is no command "{ $name }"
cli_man_name = NAME
cli_man_synopsis = SYNOPSIS
cli_man_description = DESCRIPTION
cli_man_version = VERSION
live_nothing_to_restore = there is nothing to restore: the lab "{ $name }" changed no cluster of yours
live_reset_hint = `cks-lab reset` starts a step or the lesson over
live_others_to_restore = but others did: cks-lab restore --name { $others }
cli_no_lesson_id = "{ $id }" is no lesson id
cli_lesson_id_letters = use small letters, digits and -
file_is_there = { $dir } is there already
cli_take_another_id = take another id, or remove it
cli_made = made { $dir }; next: cks-lab lesson test { $dir }
suite_broke_off = the test of { $lesson } broke off
suite_no_directory = a directory for the lab cannot be made
suite_comes_up = the lab comes up
suite_as_it_begins = { $id }: as it begins
suite_started_over = { $id }: started over
suite_at_the_end = all steps at the end
suite_undo = the undo
suite_nobody_agreed = nobody agreed to change the cluster
suite_should_fail = { $id } should fail without points
suite_should_pass = the solution of { $id } should pass with full points
suite_not_any_more = the steps solved first do not pass any more at the end
suite_but = { $what }, but: { $result }
cli_shell_there = a shell there: cks-lab shell controlplane (or node01); Ctrl-C here ends the lab
cli_ends_late = the lab took too long to end; what is left ends with this process
disk_is_full = the disk is full: make room and do it again; what was saved before is still there
progress_make_readable = make the file readable for you, or set CKS_LAB_HOME to another directory
progress_newer = { $path } was written by a newer cks-lab
progress_versions = it has version { $version }, this program knows { $known }
progress_update = update cks-lab, or use another lab with --name NAME
progress_set_aside = { $path } could not be understood ({ $why }); it was set aside as { $aside } and begun anew
progress_many_corrupt = too many corrupt copies of { $path }
progress_cannot_set_aside = { $path } is corrupt and cannot be set aside
progress_make_writable = make the directory writable for you, or set CKS_LAB_HOME to another one
state_no_place = there is no place for the lab's state
state_set_home = set HOME, or CKS_LAB_HOME to a directory of yours
cli_points = { $score }/{ $max } points
cli_step_starts_over = the step { $step } starts over
cli_lesson_starts_over = the whole lesson starts over
cli_reset_step_question = This throws away your work on the step { $step }. Go on? [y/N]
cli_reset_lesson_question = This throws away your work on the whole lesson. Go on? [y/N]
cli_server = server
cli_kubeconfig = kubeconfig
list_lesson = LESSON
list_title = TITLE
list_domain = DOMAIN
list_minutes = MINUTES
list_steps = STEPS
list_score = SCORE
list_best = BEST
list_tries = TRIES
list_time = TIME
list_hints = HINTS
list_cluster = CLUSTER
suite_case = CASE
suite_result = RESULT
suite_failed = FAILED
suite_summary = { $passed } passed, { $failed } failed
suite_should_be = { $check } should be { $verdict } with "{ $message }"
suite_should_be_with_points = { $check } should be { $verdict } with "{ $message }" and { $score } points
preview_solution = { $id }: solution
preview_intro = intro
preview_finish = finish
preview_status = { $row }/{ $rows }  read { $times ->
        [one] once
        *[other] { $times } times
    }, { $problems ->
        [one] 1 problem
        *[other] { $problems } problems
    }   arrows, PgUp, PgDn, Home, End; q quits
list_exam = EXAM
list_lessons = LESSONS
list_last = LAST
list_under_way = under way
list_number = NUMBER
list_started = STARTED
list_gradings = GRADINGS
list_solutions = SOLUTIONS
cli_lab_name = a lab's name has letters, digits, - and _, at most 64
cli_no_threads = the program cannot start its threads
suite_untouched = untouched
suite_wrong = wrong: { $id }
suite_solution = solution: { $id }
