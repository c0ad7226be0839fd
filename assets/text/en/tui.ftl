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
