# The terminal program.

# X-ray: requests as they pass the API server's chain.
tui_xray_title = X-ray: requests to the API server
tui_xray_all = all
tui_xray_mine = mine
tui_xray_kubelets = kubelets
tui_xray_refused = refused
tui_xray_showing = showing { $filter } ({ $count })
tui_xray_paused = paused
tui_xray_none = No such request was recorded yet. kubectl get nodes makes some.
tui_xray_no_record = This cluster keeps no record of requests that can be read from here.
tui_xray_in_short = { $user } ({ $how }) { $arrow } { $authorizer } { $decision } { $arrow } { $admission }
tui_xray_authorization = authorization
tui_xray_refused_by = { $plugin } refused
tui_xray_no_admission = no admission
tui_xray_passed = { $count ->
        [one] 1 admission plugin passed
       *[other] { $count } admission plugins passed
    }
tui_xray_dry_run = dry run
tui_xray_who = who
tui_xray_what = what
tui_xray_body = body
tui_xray_may = may it
tui_xray_admission = admission
tui_xray_result = result
tui_xray_client = client
tui_xray_by_certificate = a client certificate with CN { $user }, O { $groups }
tui_xray_by_token = a bearer token of { $user }, in the groups { $groups }
tui_xray_by_nobody = no credentials: { $user }, in the groups { $groups }
tui_xray_by_other = { $user }, in the groups { $groups }, known by { $how }
tui_xray_impersonated = { $impersonator } acted as this user (impersonation)
tui_xray_object = { $verb } { $object }
tui_xray_in_namespace = { $verb } { $object } in the namespace { $namespace }
tui_xray_dry = only tried (dry run): nothing was to be stored
tui_xray_allow_node = the Node authorizer allowed it: kubelets may do this to this kind of object. It does not ask which labels are written.
tui_xray_allow_masters = allowed without asking anybody: the group system:masters may do everything
tui_xray_allow_by = { $authorizer } allowed it
tui_xray_forbid = no authorizer allowed it, and without a yes the answer is no
tui_xray_no_answer = it was refused before anybody was asked
tui_xray_reads = reads do not pass admission
tui_xray_not_reached = it did not get that far
tui_xray_ran = { $plugins }: all let it pass
tui_xray_stopped = { $plugins }: { $plugin } refused it: { $why }
tui_xray_not_loaded = NodeRestriction is not among them: nobody asked whose Node this kubelet writes, and which labels
tui_xray_ok = { $code }, answered in { $millis } ms
tui_xray_stored = { $code }, stored as resource version { $version }, answered in { $millis } ms
tui_xray_failed = { $code }: { $message }

# The first screen: lessons and exams.
tui_pick_title = What do you want to do?
tui_pick_loading = The lessons are read.
tui_pick_lessons = Lessons
tui_pick_exams = Exams
tui_pick_minutes = { $minutes } min
tui_pick_go_on = go on
tui_pick_best = best { $percent } %
tui_pick_new = not tried yet
tui_pick_steps = { $domain }, { $steps ->
        [one] 1 step
       *[other] { $steps } steps
    }, about { $minutes } minutes
tui_pick_exam_about = { $lessons ->
        [one] 1 lesson
       *[other] { $lessons } lessons
    }, { $minutes } minutes, no hints, graded at the end
tui_pick_where = You are in it: { $score } of { $max } points, { $time } spent.
tui_pick_attempts = Attempts, oldest first
tui_pick_attempt = { $at }  { $percent } %  { $verdict }  { $time }  hints { $hints }
tui_pick_passed = passed
tui_pick_open = not passed
tui_pick_running = under way
tui_pick_switch = Begin another lesson?
tui_pick_switch_text = { $open } is under way. Its cluster and files are put away; its score stays in your attempts.
tui_pick_switch_yes = begin it
tui_pick_switch_no = stay here

# Exams.
tui_exam_left = { $time } left
tui_exam_task = task { $number }/{ $count }
tui_exam_over = time is up
tui_exam_graded = graded
tui_exam_overview = Tasks of the exam
tui_exam_row = { $points } pts, { $weight } %
tui_exam_flagged = come back to it
tui_exam_no_help = This is an exam: it is graded at its end, and there are no hints and no solutions.
tui_exam_flag_on = Task { $number } is marked to come back to.
tui_exam_flag_off = Task { $number } is not marked any more.
tui_exam_opening = Opening the task
tui_exam_grading = Grading the exam
tui_exam_warning = { $minutes } minutes are left.
tui_exam_time_up = Time is up: the exam is graded as it stands. Your work is kept.
tui_exam_at_end = Graded at the end
tui_exam_last = This is the last task; { $key } shows all of them.
tui_exam_first = This is the first task.
tui_exam_hand_in = Hand the exam in?
tui_exam_hand_in_text = It is graded as it stands, and cannot be changed afterwards. { $left } left; { $flagged ->
        [0] no task is marked to come back to.
        [one] 1 task is marked to come back to.
       *[other] { $flagged } tasks are marked to come back to.
    }
tui_exam_hand_in_yes = hand it in
tui_exam_hand_in_no = go on
tui_exam_result = { $percent } %: { $verdict } (pass mark { $mark } %)
tui_exam_lesson = { $title }: { $score }/{ $max } points, counts { $weight } %
tui_exam_report = For a report to hand in: cks-lab report --exam --format html -o exam.html
