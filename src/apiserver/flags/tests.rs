#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::release::default_release;

/// The files that the recorded command lines name.
fn files(path: &str) -> Result<Vec<u8>, String> {
    let key = || rcgen::KeyPair::generate().unwrap().serialize_pem().into_bytes();
    match path {
        "b" | "sa.key" => Ok(key()),
        "ca.crt" | "server.crt" => Ok(b"-----BEGIN CERTIFICATE-----".to_vec()),
        "server.key" | "sa.pub" => Ok(key()),
        "/junk.pem" | "/policy.yaml" => Ok(b"not a pem".to_vec()),
        _ => Err(format!("open {path}: no such file or directory")),
    }
}

fn run(line: &str) -> Result<Flags, Refusal> {
    let mut arguments: Vec<String> =
        line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    for given in [
        "--etcd-servers=http://127.0.0.1:1",
        "--service-account-issuer=https://x",
        "--service-account-key-file=a",
        "--service-account-signing-key-file=b",
    ] {
        arguments.insert(0, given.to_owned());
    }
    let flags = Flags::parse(&arguments, default_release())?;
    flags.validate(default_release(), &files)?;
    Ok(flags)
}

#[test]
fn wrong_command_lines_get_the_real_sentences() {
    for (line, expected) in [
        ("--enable-admision-plugins=x", "unknown flag: --enable-admision-plugins"),
        ("-x", "unknown shorthand flag: 'x' in -x"),
        ("--=x", "bad flag syntax: --=x"),
        ("--enable-admission-plugins", "flag needs an argument: --enable-admission-plugins"),
        (
            "--secure-port=notaport",
            "invalid argument \"notaport\" for \"--secure-port\" flag: strconv.ParseInt: parsing \"notaport\": invalid syntax",
        ),
        (
            "--secure-port=99999999999999999999",
            "invalid argument \"99999999999999999999\" for \"--secure-port\" flag: strconv.ParseInt: parsing \"99999999999999999999\": value out of range",
        ),
        (
            "--anonymous-auth=maybe",
            "invalid argument \"maybe\" for \"--anonymous-auth\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
        ),
        (
            "-vx",
            "invalid argument \"x\" for \"-v, --v\" flag: strconv.ParseUint: parsing \"x\": invalid syntax",
        ),
        (
            "--event-ttl=5x",
            "invalid argument \"5x\" for \"--event-ttl\" flag: time: unknown unit \"x\" in duration \"5x\"",
        ),
        (
            "--event-ttl=5",
            "invalid argument \"5\" for \"--event-ttl\" flag: time: missing unit in duration \"5\"",
        ),
        (
            "--event-ttl=abc",
            "invalid argument \"abc\" for \"--event-ttl\" flag: time: invalid duration \"abc\"",
        ),
        (
            "--advertise-address=foo",
            "invalid argument \"foo\" for \"--advertise-address\" flag: failed to parse IP: \"foo\"",
        ),
        (
            "--service-node-port-range=foo",
            "invalid argument \"foo\" for \"--service-node-port-range\" flag: strconv.Atoi: parsing \"foo\": invalid syntax",
        ),
        ("extra", "\"kube-apiserver\" does not take any arguments, got [\"extra\"]"),
        ("--anonymous-auth false", "\"kube-apiserver\" does not take any arguments, got [\"false\"]"),
    ] {
        assert_eq!(run(line).unwrap_err(), Refusal::Usage(expected.into()), "{line}");
    }
}

#[test]
fn wrong_settings_get_the_real_sentences() {
    for (line, expected) in [
        (
            "--enable-admission-plugins=NodeRestrictio",
            "enable-admission-plugins plugin \"NodeRestrictio\" is unknown",
        ),
        (
            "--enable-admission-plugins=NodeRestriction --disable-admission-plugins=NodeRestriction",
            "[NodeRestriction] in enable-admission-plugins and disable-admission-plugins overlapped",
        ),
        (
            "--disable-admission-plugins=Foo,Bar",
            "[disable-admission-plugins plugin \"Foo\" is unknown, disable-admission-plugins plugin \"Bar\" is unknown]",
        ),
        ("--authorization-mode=Node,RBACK", "authorization-mode \"RBACK\" is not a valid mode"),
        (
            "--authorization-mode=Node,Node",
            "authorization-mode [\"Node\" \"Node\"] has mode specified more than once",
        ),
        ("--authorization-mode=ABAC", "authorization-mode ABAC's authorization policy file not passed"),
        (
            "--secure-port=0",
            "--secure-port 0 must be between 1 and 65535, inclusive. It cannot be turned off with 0",
        ),
        (
            "--enable-admission-plugins=Foo --authorization-mode=RBACK",
            "[authorization-mode \"RBACK\" is not a valid mode, enable-admission-plugins plugin \"Foo\" is unknown]",
        ),
        ("--service-cluster-ip-range=foo", "service-cluster-ip-range[0] is not a valid cidr"),
        ("--runtime-config=foo=true", "runtime-config invalid key foo"),
        ("--feature-gates=Foo=true", "unrecognized feature gate: Foo"),
        ("--feature-gates=AllAlpha=true,kube:Foo=false", "unrecognized feature gate: Foo"),
        ("--feature-gates=bar:Foo=true", "component not registered: bar"),
        ("--feature-gates=Foo", "missing bool value for Foo"),
        (
            "--feature-gates=APIListChunking=false",
            "cannot set feature gate APIListChunking to false, feature is locked to true",
        ),
    ] {
        assert_eq!(run(line).unwrap_err(), Refusal::Failed(expected.into()), "{line}");
    }
}

#[test]
fn good_lines_are_read() {
    let flags = run(
        "--authorization-mode=Node,RBAC --enable-admission-plugins= --enable-admission-plugins=NodeRestriction \
         --enable-admission-plugins PodSecurity --secure_port=7443 -v 3",
    )
    .unwrap();
    assert_eq!(flags.list("enable-admission-plugins"), ["NodeRestriction", "PodSecurity"]);
    assert_eq!((flags.secure_port(), flags.get("v")), (7443, Some("3")));
    assert!(flags.anonymous());
    assert!(!run("").unwrap().anonymous(), "everything is allowed, so nobody is anonymous");
    assert_eq!(run("--version").unwrap_err(), Refusal::Printed("Kubernetes v1.31.0".into()));
}

/// What the recorded command lines begin with; `!--flag` among a case's own words takes one away.
const BASE: [&str; 12] = [
    "--client-ca-file=ca.crt",
    "--cert-dir=/tmp",
    "--service-account-key-file=sa.pub",
    "--service-account-signing-key-file=sa.key",
    "--tls-cert-file=server.crt",
    "--tls-private-key-file=server.key",
    "--service-account-issuer=https://x",
    "--service-cluster-ip-range=10.96.0.0/12",
    "--etcd-servers=http://127.0.0.1:1",
    "--advertise-address=172.30.1.2",
    "--bind-address=127.0.0.1",
    "--secure-port=17998",
];

/// What is read after the flags, by the server itself.
const LATER: [&str; 2] = ["loading audit policy file:", "error reading public key file"];

#[test]
fn command_lines_are_refused_as_by_the_real_programs() {
    for release in &crate::release::RELEASES {
        let path =
            format!("{}/tests/conformance/flags/{}.jsonl", env!("CARGO_MANIFEST_DIR"), release.git_version);
        let text = std::fs::read_to_string(path).unwrap();
        let (mut wrong, mut played) = (Vec::new(), 0);
        for line in text.lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let own: Vec<&str> =
                case["args"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
            let want = case["says"].as_str();
            if want.is_some_and(|want| {
                LATER.iter().any(|later| want.starts_with(later))
                    || want == "open /nowhere: no such file or directory" && own[0].contains("key-file")
            }) {
                continue;
            }
            let kept = BASE.iter().filter(|word| {
                let name = word.split('=').next().unwrap();
                !own.iter().any(|own| own.strip_prefix('!') == Some(name))
            });
            let given = own.iter().filter(|word| !word.starts_with('!'));
            let arguments: Vec<String> = kept.chain(given).map(|word| (*word).to_owned()).collect();
            let mut notices = Vec::new();
            let says = match Flags::parse(&arguments, release) {
                Err(Refusal::Usage(why)) => Some(format!("Error: {why}")),
                Err(Refusal::Failed(why)) => Some(why),
                Err(Refusal::Printed(_)) => None,
                Ok(flags) => {
                    notices = flags.notices().to_vec();
                    let checked = flags
                        .validate(release, &files)
                        .and_then(|()| flags.check_files(release, &files).map_err(Refusal::Failed))
                        .and_then(|()| flags.check_last_files(release, &files).map_err(Refusal::Failed));
                    match checked {
                        Err(Refusal::Failed(why) | Refusal::Usage(why) | Refusal::Printed(why)) => Some(why),
                        Ok(()) => None,
                    }
                }
            };
            let said: Vec<String> = case["deprecated"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|line| line.as_str().unwrap().to_owned())
                .collect();
            played += 1;
            if says.as_deref() != want || (!notices.is_empty() || says.is_none()) && notices != said {
                wrong.push(format!("{own:?}\n  got  {says:?} {notices:?}\n  want {want:?} {said:?}"));
            }
        }
        assert!(played > 500);
        assert!(
            wrong.is_empty(),
            "{}: {} of {played}\n{}",
            release.git_version,
            wrong.len(),
            wrong.join("\n")
        );
    }
}
