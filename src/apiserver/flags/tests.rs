#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::release::default_release;

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
    flags.validate(default_release())?;
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
