# The plain mode.
plain_commands = Commands, by word or number:
plain_help_check = grade this step
plain_help_tasks = what is asked in this step, and what is done
plain_help_shell = a shell on a node; exit comes back here
plain_help_hint = the next hint
plain_help_solution = read the solution of this step
plain_help_solve = have the solution typed for you
plain_help_text = this text once more
plain_help_next = the next step
plain_help_back = the step before
plain_help_go = another step
plain_help_steps = all steps with their results
plain_help_reset = start this step over
plain_help_lessons = all lessons with your scores
plain_help_open = another lesson
plain_help_history = your attempts at this lesson
plain_help_quit = leave; the next start goes on here
plain_help_overview = all tasks, which of them were opened and flagged, and the time left
plain_help_next_task = the next task
plain_help_back_task = the task before
plain_help_go_task = another task
plain_help_flag = mark this task to come back to, or take the mark away
plain_help_time = the time left
plain_help_finish = hand the exam in
plain_help_help = these commands
plain_help_quit_exam = leave; the clock runs on, and the next start --exam goes on here

plain_lesson = Lesson: { $title }. { $domain }, about { $minutes } minutes.
plain_resumed = Resumed: { $passed } of { $count } steps passed.
plain_step = Step { $number } of { $count }: { $title }
plain_tasks = Tasks:
plain_done = done
plain_open = open
plain_prompt = Step { $number } of { $count }. Type a command; help lists them.
plain_prompt_end = The lesson is finished. Type a command; help lists them.
plain_unknown = "{ $words }" is no command; help lists them.
plain_no_step = There is no step { $number }; there are { $count }.
plain_no_more_hints = All hints were shown; solution shows the solution, solve applies it.
plain_solved = The solution was applied; check grades it.
plain_reset_question = This throws away your work on this step. Start it over?
plain_step_reset = The step starts over.
plain_open_how = open NUMBER begins one of them.
plain_open_already = this lesson is open already
plain_open_question = The cluster of this lesson is thrown away for the other's; its results stay. Go on?
plain_lesson_row = { $number }. { $title }, { $minutes } minutes, not tried yet
plain_lesson_row_tried = { $number }. { $title }, { $minutes } minutes, best { $best } of { $max } points, tried { $attempts ->
        [one] once
        *[other] { $attempts } times
    }
plain_step_passed = Passed: { $title }, { $score } of { $max } points.
plain_step_not_passed = Not passed yet: { $title }, { $score } of { $max } points.
plain_points = { $score } of { $max } points
plain_could_not_be_checked = could not be checked
plain_expected = Expected:
plain_observed = Observed:
plain_hint = Hint:
plain_hint_number = Hint { $number } of { $count }:
plain_no_attempts = No attempt yet.
plain_attempt = { $number }. { $started }: { $score } of { $max } points, { $time }, hints { $hints }, solutions { $solutions }
plain_shell = A shell on { $node }. exit comes back here.
plain_shell_ended = The shell ended.
plain_server_up = The API server answers.
plain_server_down = The API server does not answer.

plain_exam = Exam: { $title }. { $count } tasks, { $minutes } minutes, pass mark { $mark } %.
plain_exam_rules = The clock runs from now on, also when you leave. There are no hints, and it is graded when you hand it in with finish or time is up.
plain_exam_resumed = The exam goes on.
plain_exam_left = The clock runs on: { $time } left. cks-lab start --exam goes on.
plain_task = Task { $number } of the exam, from the lesson { $lesson }, { $points } points.
plain_prompt_exam = Task { $number } of { $count }, { $time } left. Type a command; help lists them.
plain_time_left = { $time } left.
plain_minutes_left = { $minutes } minutes left.
plain_mark_current = here
plain_mark_flagged = flagged
plain_mark_not_opened = not opened
plain_row = { $number }. { $lesson }: { $title }, { $points } points
plain_last_task = This is the last task. tasks lists them all; finish hands the exam in.
plain_first_task = This is the first task.
plain_flagged = Task { $number } is flagged.
plain_unflagged = Task { $number } is not flagged any more.
plain_finish_question = { $open ->
        [0] Hand the exam in?
        *[other] Tasks that are flagged or not opened: { $open }. Hand the exam in?
    }
plain_goes_on = The exam goes on.
plain_grading = Grading ...
plain_time_up = Time is up. What you did until now was graded.
plain_handed_in = The exam was handed in.
plain_lesson_result = { $title }: { $score } of { $max } points.
plain_report_how = A report to hand in: cks-lab report --exam --format html -o exam.html
plain_terminal_is_dumb = TERM is dumb, so the lesson is shown line by line, as with --plain.
plain_step_failed = Not passed: { $title }, { $score } of { $max } points.
