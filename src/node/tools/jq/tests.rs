//! What jq itself answered, and what it is asked for on a node.

use super::{STACK, run};

/// Runs it: standard output, standard error, status.
fn jq(arguments: &[&str], input: &str) -> (String, String, i32) {
    let arguments = arguments.iter().map(|a| (*a).to_owned()).collect();
    let input = std::io::Cursor::new(input.to_owned());
    let run = move || {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = run(arguments, input, false, false, &mut out, &mut err);
        (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap(), status)
    };
    std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap()
}

const PODS: &str = r#"{"items":[{"metadata":{"name":"a","labels":{"app":"web"}},"status":{"phase":"Running"}},
{"metadata":{"name":"b"},"status":{"phase":"Pending"}}]}
"#;

#[test]
fn filters_give_what_jq_gives() {
    let cases: [(&[&str], &str, &str); 24] = [
        (&["."], "{\"b\":[1,{}],\"a\":[]}", "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": []\n}\n"),
        (&["-r", ".items[].metadata.name"], PODS, "a\nb\n"),
        (
            &["-c", "[.items[] | {n: .metadata.name, p: .status.phase}]"],
            PODS,
            "[{\"n\":\"a\",\"p\":\"Running\"},{\"n\":\"b\",\"p\":\"Pending\"}]\n",
        ),
        (&["-r", ".items[] | select(.status.phase==\"Running\").metadata.labels | keys[]"], PODS, "app\n"),
        (&["-r", ".items[] | [.metadata.name, .status.phase] | @tsv"], PODS, "a\tRunning\nb\tPending\n"),
        (
            &["-r", ".items[] | \"\\(.metadata.name)=\\(.metadata.labels.app // \"none\")\""],
            PODS,
            "a=web\nb=none\n",
        ),
        (&["-c", ".items | map(.metadata.name) | sort | reverse"], PODS, "[\"b\",\"a\"]\n"),
        (&[".items | length"], PODS, "2\n"),
        (&["-cS", "."], "{\"b\":1,\"a\":{\"d\":1,\"c\":2}}", "{\"a\":{\"c\":2,\"d\":1},\"b\":1}\n"),
        (&["-s", "-c", "."], "1 2\n3", "[1,2,3]\n"),
        (&["-R", "-c", "split(\" \")"], "a b\nc\n", "[\"a\",\"b\"]\n[\"c\"]\n"),
        (&["-Rs", "."], "a\nb\n", "\"a\\nb\\n\"\n"),
        (&["-n", "[inputs]", "-c"], "1 2", "[1,2]\n"),
        (&["-j", "."], "\"a\" \"b\"", "ab"),
        (&["--tab", "."], "[1]", "[\n\t1\n]\n"),
        (&["--indent", "1", "."], "[1]", "[\n 1\n]\n"),
        (&["-a", "."], "\"é😀\"", "\"\\u00e9\\ud83d\\ude00\"\n"),
        (
            &["-n", "--arg", "x", "1", "--argjson", "y", "{\"z\":2}", "-c", "[$x, $y.z, $ARGS.named.x]"],
            "",
            "[\"1\",2,\"1\"]\n",
        ),
        (&["-n", "-c", "--args", "$ARGS.positional", "a", "b"], "", "[\"a\",\"b\"]\n"),
        (&["-r", "@csv"], "[1,\"a\\\"b\",null,true]", "1,\"a\"\"b\",,true\n"),
        (
            &["-c", "[.[] | IN(1, 3)], INDEX(tostring), [leaf_paths], [tostream]"],
            "[1,2]",
            "[true,false]\n{\"1\":1,\"2\":2}\n[[0],[1]]\n[[[0],1],[[1],2],[[1]]]\n",
        ),
        (&["-r", "@base64d"], "\"aGk=\"", "hi\n"),
        (&["-n", "\"2024-01-02T03:04:05Z\" | fromdate"], "", "1704164645\n"),
        (
            &[
                "-c",
                "del(.items[0].metadata.labels) | .items[0].metadata, (.items|last|.metadata.name|test(\"^b$\"))",
            ],
            PODS,
            "{\"name\":\"a\"}\ntrue\n",
        ),
    ];
    for (arguments, input, output) in cases {
        assert_eq!(jq(arguments, input), (output.into(), String::new(), 0), "{arguments:?}");
    }
}

#[test]
fn what_goes_wrong_is_said_in_jqs_words() {
    let cases: [(&[&str], &str, &str, i32); 22] = [
        (&[".", "/proc"], "", "jq: error: Could not open /proc: Is a directory\n", 2),
        (&[".a"], "[1]\n", "jq: error (at <stdin>:1): Cannot index array with string \"a\"\n", 5),
        (&[".a.b"], "{\"a\":3}\n", "jq: error (at <stdin>:1): Cannot index number with string \"b\"\n", 5),
        (&[".[0]"], "true\n", "jq: error (at <stdin>:1): Cannot index boolean with number\n", 5),
        (&[".[]"], "null\n", "jq: error (at <stdin>:1): Cannot iterate over null (null)\n", 5),
        (
            &[".a + 1"],
            "{\"a\":\"x\"}\n",
            "jq: error (at <stdin>:1): string (\"x\") and number (1) cannot be added\n",
            5,
        ),
        (&["-n", "\"no\" | error"], "", "jq: error (at <unknown>): no\n", 5),
        (&["-n", "{a:1} | error"], "", "jq: error (at <unknown>) (not a string): {\"a\":1}\n", 5),
        (
            &["foo"],
            "1",
            "jq: error: foo/0 is not defined at <top-level>, line 1:\nfoo\njq: 1 compile error\n",
            3,
        ),
        (&["$x"], "1", "jq: error: $x is not defined at <top-level>, line 1:\n$x\njq: 1 compile error\n", 3),
        (
            &[".a |"],
            "1",
            "jq: error: syntax error, unexpected end of file (Unix shell quoting issues?) at <top-level>, line 1:\n.a |\njq: 1 compile error\n",
            3,
        ),
        (
            &[".["],
            "1",
            "jq: error: syntax error, unexpected end of file (Unix shell quoting issues?) at <top-level>, line 1:\n.[\njq: 1 compile error\n",
            3,
        ),
        (&["."], "{bad\n", "jq: parse error: Invalid numeric literal at line 2, column 0\n", 2),
        (&["."], "{a:1}\n", "jq: parse error: Invalid numeric literal at line 1, column 3\n", 2),
        (&["."], "{\"a\":1", "jq: parse error: Unfinished JSON term at EOF at line 1, column 6\n", 2),
        (&["."], "\"abc\n", "jq: parse error: Unfinished string at line 2, column 0\n", 2),
        (
            &["."],
            "Error from server (NotFound): x\n",
            "jq: parse error: Invalid numeric literal at line 1, column 6\n",
            2,
        ),
        (&["."], "[1,]\n", "jq: parse error: Expected another array element at line 1, column 4\n", 2),
        (&["."], "{\"a\":1,}\n", "jq: parse error: Expected another key-value pair at line 1, column 8\n", 2),
        (&["."], "[1 2]\n", "jq: parse error: Expected separator between values at line 1, column 5\n", 2),
        (&["."], "]\n", "jq: parse error: Unmatched ']' at line 1, column 1\n", 2),
        (
            &[".", "/nonexistent"],
            "",
            "jq: error: Could not open /nonexistent: No such file or directory\n",
            2,
        ),
    ];
    for (arguments, input, message, status) in cases {
        assert_eq!(jq(arguments, input), (String::new(), message.into(), status), "{arguments:?} {input:?}");
    }
}

#[test]
fn results_before_an_error_are_written_and_the_next_input_is_tried() {
    let (out, err, status) = jq(&[".a"], "{\"a\":1}\n[]\n{\"a\":2}\n");
    assert_eq!((out.as_str(), status), ("1\n2\n", 5));
    assert_eq!(err, "jq: error (at <stdin>:2): Cannot index array with string \"a\"\n");
    let (out, err, status) = jq(&["-c", "."], "1 {\"a\":}");
    assert_eq!((out.as_str(), status), ("1\n", 2), "{err}");
}

#[test]
fn the_exit_status_tells_of_the_last_result_where_one_asks() {
    for (input, status) in [("{\"a\":1}", 0), ("{\"a\":false}", 1), ("{}", 1), ("", 4)] {
        assert_eq!(jq(&["-e", ".a"], input).2, status, "{input}");
    }
}

#[test]
fn unknown_options_are_refused_and_help_is_none() {
    for arguments in [["--nonsense", "."], ["-rZ", "."], ["--indent", "9"], ["--arg", "x"], ["--seq", "."]] {
        let (_, err, status) = jq(&arguments, "1");
        assert!(status == 2 && err.ends_with("online docs  at https://jqlang.github.io/jq\n"), "{err}");
    }
    assert!(jq(&["--help"], "").0.starts_with("Usage:\tjq [OPTIONS]"));
    assert_eq!(jq(&["-V"], "").2, 0);
}

#[test]
fn deep_values_and_endless_filters_end() {
    let deep = "[".repeat(100_000);
    let (_, err, status) = jq(&["."], &deep);
    assert!(status == 2 && err.contains("depth limit"), "{err}");
    assert_eq!(jq(&["-n", "[range(100000)] | add"], "").0, "4999950000\n");
}
