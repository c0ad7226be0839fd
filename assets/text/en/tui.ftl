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
tui_xray_own = No audit log of this cluster can be read from here: these are the checks' own requests.
tui_xray_own_none = No audit log of this cluster can be read from here; the requests that checks make are shown instead. F5 makes some.
tui_xray_unseen = not seen from here: what authorizer and admission said stands in the server's audit log
tui_xray_acted = { $impersonator } acts as this user
tui_do_back_to_the_line_then_to_the_shell = Back to the request's line, then to the shell
tui_do_close_the_x_ray = Close the X-ray
tui_xray_authorization = authorization
tui_xray_refused_by = { $plugin } refused
tui_xray_no_admission = no admission
tui_xray_passed = { $count ->
        [one] 1 plugin passed
       *[other] { $count } plugins passed
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

# The first screen: lessons and exams.
tui_pick_title = What do you want to do?
tui_pick_loading = Reading the lessons.
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
tui_exam_no_help = An exam is graded at its end, without hints and solutions.
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

# Keys: a word or two in the last line, and a sentence in the help and the palette.
tui_word_help = help
tui_do_show_all_keys = Show all keys
tui_word_lesson_shell = lesson/shell
tui_do_move_between_lesson_and_shell = Move between lesson and shell
tui_word_x_ray = X-ray
tui_do_show_the_latest_requests_to_the_api_serv = X-ray: the latest requests to the API server
tui_word_check = check
tui_do_check_this_step = Check this step
tui_word_hint = hint
tui_do_show_the_next_hint = Show the next hint
tui_word_solution = solution
tui_do_show_the_solution_of_this_step_asks_firs = Show the solution of this step (asks first)
tui_word_next = next
tui_do_next_page_of_the_lesson = Next page of the lesson
tui_word_back = back
tui_do_previous_page_of_the_lesson = Previous page of the lesson
tui_word_tasks = tasks
tui_do_all_tasks_of_the_exam = All tasks of the exam
tui_word_mark = mark
tui_do_mark_this_task_of_the_exam_to_come_back = Mark this task of the exam to come back to, or not
tui_word_hand_in = hand in
tui_do_hand_the_exam_in_asks_first = Hand the exam in (asks first)
tui_word_commands = commands
tui_do_find_and_run_any_command = Find and run any command
tui_word_to_the_text = to the text
tui_do_back_from_a_result_or_a_solution_to_the = Back from a result or a solution to the lesson's text
tui_word_check_all = check all
tui_do_check_every_step = Check every step
tui_word_apply_solution = apply solution
tui_do_apply_the_solution_of_this_step_for_me_a = Apply the solution of this step for me (asks first)
tui_word_reset_step = reset step
tui_do_start_this_step_over_asks_first = Start this step over (asks first)
tui_word_start_over = start over
tui_do_start_the_lesson_over_asks_first = Start the lesson over (asks first)
tui_word_new_tab = new tab
tui_do_new_shell_on_the_same_node = New shell on the same node
tui_do_new_shell_on_the_first_node = New shell on the first node
tui_do_new_shell_on_the_second_node = New shell on the second node
tui_word_edit = edit
tui_do_edit_a_file_of_this_node = Edit a file of this node
tui_word_next_tab = next tab
tui_do_next_tab = Next tab
tui_word_previous_tab = previous tab
tui_do_previous_tab = Previous tab
tui_word_tab_1 = tab 1
tui_do_tab_1_2_to_9_likewise = Tab 1 (2 to 9 likewise)
tui_word_rename = rename
tui_do_name_this_tab = Name this tab
tui_word_split = split
tui_do_split_another_shell_beside_this_one = Split: another shell beside this one
tui_do_split_another_shell_below_this_one = Split: another shell below this one
tui_word_next_pane = next pane
tui_do_next_pane_of_this_tab = Next pane of this tab
tui_do_to_the_pane_on_the_left_or_the_tab_befor = To the pane on the left, or the tab before (arrows likewise)
tui_do_move_the_line_beside_this_pane_shift_and = Move the line beside this pane (Shift and arrows)
tui_word_close = close
tui_do_close_this_pane_and_its_tab_with_the_las = Close this pane, and its tab with the last one
tui_word_zoom = zoom
tui_do_give_this_pane_the_whole_window_or_take = Give this pane the whole window, or take it back
tui_word_wider = wider
tui_do_make_the_lesson_wider = Make the lesson wider
tui_word_narrower = narrower
tui_do_make_the_lesson_narrower = Make the lesson narrower
tui_word_scroll = scroll
tui_do_scroll_the_shell_back = Scroll the shell back
tui_do_scroll_the_shell_on = Scroll the shell on
tui_word_copy_mode = copy mode
tui_do_copy_mode_move_search_and_select_in_the = Copy mode: move, search and select in the shell's output
tui_word_mouse = mouse
tui_do_give_the_mouse_to_your_terminal_or_take = Give the mouse to your terminal, or take it back
tui_word_theme = theme
tui_do_next_theme = Next theme
tui_word_ascii = ASCII
tui_do_draw_with_ascii_only_or_with_all_charact = Draw with ASCII only, or with all characters
tui_word_redraw = redraw
tui_do_draw_the_window_again = Draw the window again
tui_word_suspend = suspend
tui_do_stop_the_program_fg_in_your_shell_contin = Stop the program; fg in your shell continues it
tui_word_quit = quit
tui_do_leave_the_lab_is_kept_and_resumes_here = Leave; the lab is kept and resumes here
tui_do_scroll_up = Scroll up
tui_do_scroll_down = Scroll down
tui_do_a_page_up = A page up
tui_do_a_page_down = A page down
tui_do_to_the_start = To the start
tui_do_to_the_end = To the end
tui_word_next_code = next code
tui_do_select_the_next_piece_of_code = Select the next piece of code
tui_do_select_the_previous_piece_of_code = Select the previous piece of code
tui_word_run_it = run it
tui_do_run_the_selected_code_in_the_shell = Run the selected code in the shell
tui_word_copy_it = copy it
tui_do_copy_the_selected_code = Copy the selected code
tui_word_shell = shell
tui_do_back_to_the_text_then_to_the_shell = Back to the text, then to the shell
tui_word_move = move
tui_do_move_up_h_j_k_l_and_arrows = Move up (h j k l and arrows)
tui_do_a_word_on_b_back = A word on (b: back)
tui_do_start_of_the_line_end = Start of the line ($: end)
tui_word_page = page
tui_do_a_page_up_pgdn_down = A page up (PgDn: down)
tui_do_oldest_line_g_newest = Oldest line (G: newest)
tui_word_select = select
tui_do_start_or_drop_a_selection = Start or drop a selection
tui_do_select_whole_lines = Select whole lines
tui_word_copy = copy
tui_do_copy_the_selection_and_leave = Copy the selection and leave
tui_word_search = search
tui_do_search = Search
tui_do_next_match_towards_older_lines_n_newer = Next match, towards older lines (N: newer)
tui_word_leave = leave
tui_do_leave_the_copy_mode = Leave the copy mode
tui_word_choose = choose
tui_word_begin = begin
tui_word_turn_to_it = turn to it
tui_do_up = Up
tui_do_down = Down
tui_do_to_the_newest_and_stay_there = To the newest, and stay there
tui_word_explain = explain
tui_do_explain_the_request_part_by_part = Explain the request, part by part
tui_word_filter = filter
tui_do_mine_kubelets_refused_all = Mine, kubelets, refused, all
tui_word_pause = pause
tui_do_let_no_new_ones_in_or_go_on = Let no new ones in, or go on
tui_word_do_it = do it
tui_word_take_it = take it
tui_word_complete = complete
tui_word_erase_all = erase

# What is said in the last line.
tui_still_coming = The lab is still coming up.
tui_lesson_has_news = It is in the lesson; { $key } shows it.
tui_checking_all = Checking every step
tui_step_no_hints = This step has no hints.
tui_page_no_hints = This page has no hints.
tui_no_outer_shell = There is no shell that could continue the program; leave it instead.
tui_only_shells_copy = Only a shell has a copy mode; the editor selects by itself.
tui_mouse_ours = The mouse is the program's: click, scroll, drag.
tui_mouse_yours = The mouse is your terminal's: select and copy as usual.
tui_select_code_first = Select a piece of code with Tab first.
tui_runs_already = Something runs already; Esc in the lesson stops it.
tui_checking = Checking
tui_nothing_to_check = This page has nothing to check; F8 turns to the first step.
tui_of_a_step = That belongs to a step; F8 turns the page.
tui_last_page = This is the last page.
tui_no_code_here = There is no code to run or copy on this page.
tui_no_shell_here = No shell runs in this tab.
tui_stopped = Stopped.
tui_applying = Applying the solution
tui_step_over = Starting the step over
tui_lesson_over = Starting the lesson over
tui_nothing_searched = Nothing was searched for yet; / asks.
tui_theme = Theme: { $theme }
tui_path_is_absolute = A file's path begins with / and ends with its name; Tab completes it.
tui_paste_where = Move to the shell to paste there.
tui_no_tab = There is no tab { $number }.
tui_no_room = There is no room for another pane here.
tui_last_hint = That was the last hint; the solution comes with F7.
tui_copied = { $count ->
        [one] 1 character copied
       *[other] { $count } characters copied
    }
tui_started_over = Started over.
tui_nothing_selected = Nothing was selected; v starts a selection.
tui_not_found = "{ $text }" is not in the shell's output.
tui_busy = {" "}{ $what }{ $dots } { $key } stops it.
tui_word_to_lesson = lesson
tui_word_more = more
tui_word_send = send it
tui_key_does_nothing = { $prefix } { $key } does nothing; { $prefix } ? shows all keys.

# Questions.
tui_quit_text = Running shells end. The cluster, your files and your progress are kept: start cks-lab again and you are back here.{ $unsaved ->
        [0] {""}
       *[other] {" "}Changes in an editor that are not saved go.
    }
tui_quit_exam_text = Running shells end, and the exam's clock runs on. Your work is kept: start the exam again and you are back here.{ $unsaved ->
        [0] {""}
       *[other] {" "}Changes in an editor that are not saved go.
    }
tui_quit = Leave the lab?
tui_quit_yes = leave
tui_quit_no = stay
tui_points_of = { $score } of { $max }
tui_welcome_back = Welcome back
tui_welcome_text = { $title }: { $passed } of { $steps } steps passed, { $points } points, { $minutes } min spent.
    Everything is as you left it.
tui_go_on = go on
tui_start_over = start over
tui_ask_solution = Show the solution?
tui_ask_solution_text = The solution of { $step } will be in the lesson pane. Hints come in levels and may be enough.
tui_show_it = show it
tui_not_yet = not yet
tui_ask_solve = Apply the solution?
tui_ask_solve_text = The solution of { $step } is typed on the nodes for you, and your progress notes it.
tui_apply_it = apply it
tui_ask_step = Start this step over?
tui_ask_step_text = What you changed since { $step } began is undone, and its points go.
tui_keep_it = keep it
tui_ask_lesson = Start the lesson over?
tui_ask_lesson_text = The cluster and all files go back to the beginning; progress and points go.
tui_ask_pane = Close this pane?
tui_ask_pane_text = What runs in its shell ends.
tui_ask_file = Close this file?
tui_ask_file_text = Changes that are not saved go.
tui_close_it = close it

# The lesson pane.
tui_passed = passed
tui_not_passed = not passed yet
tui_not_checked = not checked
tui_to_debrief = F8 turns to the debrief.
tui_to_next_step = F8 turns to the next step.
tui_every_step = Every step passed.
tui_not_all_checked = could not all be checked
tui_expected = expected
tui_seen = seen
tui_look = look
tui_why = why
tui_try = try
tui_back_to_step = { $key } goes back to the step.
tui_done_for_you = Done for you:
tui_check_or_back = F5 checks the step. { $key } goes back to it.
tui_hint_of = Hint { $number } of { $all }
tui_to_first_step = F8 turns to the first step.
tui_debrief = Debrief
tui_debrief_later = The debrief comes when every step has passed. F5 checks them all.
tui_points_alone = { $points } points
tui_points_total = { $points } of { $max } points
tui_total = { $total }, { $percent } %: { $verdict } (pass mark { $mark } %)
tui_with_solution = , with the solution
tui_try_again = { $key } goes back to the step, F5 checks again, F6 gives a hint.
tui_back_to_lesson = { $key } goes back to the lesson.
tui_step_points = { $score }/{ $max } points, { $word }
tui_with_hints = , { $hints ->
        [one] 1 hint
       *[other] { $hints } hints
    }
tui_tasks_done = Tasks { $done }/{ $all }
tui_pane_lesson = Lesson
tui_pane_result = Result
tui_pane_solution = Solution
tui_pane_exam = Exam
tui_pane_solved = Solution applied
tui_pane_trouble = Trouble
tui_button_back = {"["}back]
tui_lesson_comes = The lesson comes in a moment.
tui_more_tasks = and { $more } more; F5 lists all
tui_more_tasks_exam = and { $more } more; the text ends with all
tui_exam_is_graded = What is graded
tui_end = end

# Header, tabs, what lies on top.
tui_step_of = step { $number }/{ $steps }
tui_intro_of = intro, { $steps } steps
tui_pts = { $score } pts
tui_pts_of = { $score }/{ $max } pts
tui_api_up = API up
tui_api_down = API DOWN
tui_in_debrief = debrief
tui_step_ok = {" "}ok
tui_in_copy_mode = copy mode { $place }
tui_scrolled = scrolled back { $place }
tui_shell_starts = The shell starts.
tui_file_is_read = The file is read.
tui_shell_ended = {" "}The shell ended with status { $status }. Enter starts a new one.{" "}
tui_lab_comes_up = The lab comes up:
tui_enter_again = Enter tries again.
tui_enter_leaves = Enter leaves.
tui_zoomed = zoomed
tui_phase_nodes = controlplane and node01
tui_phase_server = the API server
tui_phase_lesson = the lesson's objects
tui_help_title = Keys
tui_help_intro = The shell gets every key except the function keys below and { $prefix }, the prefix. { $prefix } twice sends it to the shell; { $prefix } and a function key sends that key.
tui_help_glance = What F5 to F8 show can be read at once with arrows, PgUp and PgDn, and Esc or F2 leads back. Whatever you type goes on to the shell.
tui_help_everywhere = Everywhere
tui_help_lesson = While the lesson has the keyboard (the letters after the prefix count by themselves)
tui_help_copy = In copy mode
tui_help_xray = In the X-ray
tui_help_mouse = Mouse
tui_help_mouse_text = Click a tab, a step, [run], [copy] or a hint in the last line; drag the lines between panes; drag in the shell or the lesson to copy; the wheel scrolls. Hold Shift for your terminal's own selection.
tui_palette_title = Commands
tui_palette_none = No command has these letters.
tui_enter_name = Name of this tab
tui_enter_search = Search towards older lines
tui_enter_file = File to edit (Tab completes)
tui_more_lines = { $count ->
        [one] 1 more line
       *[other] { $count } more lines
    }
tui_too_small = { $size } is too small.
tui_needs = cks-lab needs { $size }.
tui_shells_go_on = Your shells go on.
tui_new_shell_on = New shell on { $node }
tui_go_to_step = Go to step { $number }: { $title }
tui_cannot_edit = { $path } on { $node } cannot be edited here
tui_file_too_large = it is larger than the editor opens
tui_file_no_text = it is not UTF-8 text
tui_cannot_edit_hint = a shell on the node can look at it: `less`, `file`, `stat`
tui_button_run = {"["}run]
tui_button_copy = {"["}copy]
tui_image = image:{" "}
tui_config_unread = { $file } cannot be read: { $why }
tui_config_unused = config.yaml is not used: { $why }
tui_config_prefix = config.yaml: "{ $text }" is not a prefix key; one is ctrl-g
tui_config_editor = config.yaml: there is no editor "{ $text }"; there are vi and nano
tui_config_theme = config.yaml: there is no theme "{ $text }"; there are terminal, dark, light, mono
tui_no_node = the cluster has no node { $node }
tui_terminal_unusable = the terminal cannot be used
tui_window_undrawn = the window cannot be drawn
tui_no_threads = the program's threads cannot be started
tui_needs_terminal = the terminal program needs a terminal
tui_run_in_one = run it in one, or use `cks-lab up` and `cks-lab exec`, which need none
tui_dumb = the terminal program needs a terminal that can move its cursor, and TERM is dumb
tui_set_term = set TERM to what your terminal is, or use `cks-lab up` and `cks-lab shell`
