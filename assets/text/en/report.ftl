# Reports; `report` can be asked for in another language than the program's.
report_report = Report
report_points = { $score } of { $max } points, { $percent } %
report_reached = the pass mark of { $mark } % is reached
report_not_reached = the pass mark of { $mark } % is not reached
report_time = time
report_cluster = cluster
report_domain = domain
report_started = started
report_ended = last graded
report_not_graded = not graded yet
report_passed = passed
report_not_passed = not passed
report_graded = { $times ->
        [one] graded once
       *[other] graded { $times } times
    }, hints { $hints } of { $all }
report_solution = solution used
report_expected = expected
report_observed = observed
report_hint = hint
report_check = check
report_score = points
report_attempts = Attempts
report_gradings = gradings
report_hints = hints
report_solutions = solutions
report_digest = SHA-256 of the evidence
report_ok = ok
report_fail = FAIL
report_error = ERROR
report_skipped = skipped
report_unknown = unknown
report_hours = { $hours } h { $minutes } min
report_minutes = { $minutes } min { $seconds } s
report_claim = { $lesson }: { $score } of { $max } points ({ $percent } %), SHA-256 { $digest }
report_exam_claim = exam { $exam } of { $started }: { $percent } %, { $verdict }, SHA-256 { $digest }
report_changed = the report was changed: its digest is not that of its evidence
report_digests = it says { $said }, and the evidence gives { $real }
report_not_understood = the evidence is not a report that this program understands
report_use_its_version = use the version of cks-lab that made it
report_does_not_add_up = the report's points do not add up
report_damaged = the evidence in the report is damaged
report_without_evidence = the report carries no evidence
report_forms_with_evidence = ask for html, json, markdown or junit: cks-lab report --format html -o FILE
