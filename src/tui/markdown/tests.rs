#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::super::theme::ThemeName;
use super::*;

fn render(text: &str, width: u16) -> Document {
    let mut document = Document::default();
    document.markdown(text, width, &Theme::new(ThemeName::Mono, true));
    document
}

fn shown(document: &Document) -> String {
    let lines = document.lines.iter().map(|line| {
        line.spans.iter().map(|span| span.content.as_ref()).collect::<String>().trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The text at a place.
fn at(document: &Document, place: Place) -> String {
    let line: String = document.lines[place.line].spans.iter().map(|s| s.content.as_ref()).collect();
    let (_, rest) = if place.x == 0 { ("", line.as_str()) } else { cut(&line, usize::from(place.x)) };
    cut(rest, usize::from(place.width)).0.to_owned()
}

#[test]
fn lines_of_the_source_are_joined_with_a_blank_but_within_japanese() {
    for (text, joined) in [
        ("one\ntwo", "one two"),
        ("起動します。\nコンテナは", "起動します。コンテナは"),
        ("次の\n`k get`\nです", "次の k get です"),
    ] {
        assert_eq!(shown(&render(text, 40)), joined);
    }
}

#[test]
fn paragraphs_headings_and_lists_are_wrapped() {
    let text = "# Title\nSome *text* that is\nlong enough to wrap.\n\n- one\n- two, which is rather long, too\n  - inner\n\n3. three\n4. four\n\nend";
    insta::assert_snapshot!(shown(&render(text, 20)), @r"
    Title

    Some text that is
    long enough to wrap.

    * one
    * two, which is
      rather long, too
      * inner

    3. three
    4. four

    end
    ");
}

#[test]
fn code_has_buttons_where_markers_say_so() {
    let text = "Run `kubectl get nodes`{{exec}} now, or `copy me`{{copy}}; {{ .Values.x }} is text and `plain` stays.\n\n```bash\nssh node01\n```{{exec}}\n\n```\nno marker\n```\n\n```\nnothing\n```{{}}\n";
    let document = render(text, 40);
    insta::assert_snapshot!(shown(&document), @r"
    Run kubectl get nodes [run] now, or copy
    me [copy]; {{ .Values.x }} is text and
    plain stays.

    | ssh node01                [run] [copy]

    | no marker                       [copy]

    | nothing
    ");
    let codes: Vec<(&str, bool)> = document.codes.iter().map(|c| (c.text.as_str(), c.run)).collect();
    assert_eq!(
        codes,
        [
            ("kubectl get nodes", true),
            ("copy me", false),
            ("plain", false),
            ("ssh node01", true),
            ("no marker", false)
        ]
    );
    for code in &document.codes {
        for (place, action) in &code.buttons {
            let expected = if matches!(action, Action::Run(_)) { "[run]" } else { "[copy]" };
            assert_eq!(at(&document, *place), expected, "{code:?}");
        }
    }
    assert_eq!(at(&document, document.codes[0].places[0]), "kubectl");
    assert!(document.codes[2].buttons.is_empty());
}

#[test]
fn markers_are_read() {
    for (text, expected) in [
        ("{{exec}}", Some(Marker::Run { interrupt: false })),
        ("{{exec interrupt}} x", Some(Marker::Run { interrupt: true })),
        ("{{execute HOST1}}", Some(Marker::Run { interrupt: false })),
        ("{{ execute }}", Some(Marker::Run { interrupt: false })),
        ("{{copy}}", Some(Marker::Copy)),
        ("{{}}", Some(Marker::Nothing)),
        ("{{ .Values.image }}", None),
        ("{{TRAFFIC_HOST1_80}}", None),
        ("text", None),
    ] {
        assert_eq!(Marker::read(text).map(|(marker, _)| marker), expected, "{text}");
    }
}

#[test]
fn long_code_is_wrapped_and_kept_whole() {
    let document = render("```\nkubectl label node controlplane killercoda/one=123\n```{{exec}}", 24);
    insta::assert_snapshot!(shown(&document), @r"
    | kubectl label node con
    |   trolplane killercoda
    |   /one=123
                [run] [copy]
    ");
    assert_eq!(document.codes[0].text, "kubectl label node controlplane killercoda/one=123");
}

#[test]
fn tables_and_quotes_fit() {
    let text = "| who | may |\n|---|---|\n| kubelet | label its own node |\n| `admin` | all |\n\n> a quote that is long";
    insta::assert_snapshot!(shown(&render(text, 24)), @r"
    who     | may
    ------------------------
    kubelet | label its own
            | node
    admin   | all

    | a quote that is long
    ");
}

#[test]
fn wide_characters_are_two_cells() {
    let document = render("ラベルを設定できないことを確認してください。", 12);
    insta::assert_snapshot!(shown(&document), @r"
    ラベルを設定
    できないこと
    を確認してく
    ださい。
    ");
    assert!(document.lines.iter().all(|line| line.width() <= 12));
}

#[test]
fn links_show_where_they_lead_and_html_is_left_out() {
    let text = "See [the docs](https://k8s.io/x)<br>and <b>this</b>.\n\n<details><summary>Solution</summary>\n\nText\n\n</details>";
    insta::assert_snapshot!(shown(&render(text, 60)), @r"
    See the docs (https://k8s.io/x)
    and this.

    Solution

    Text
    ");
}

#[test]
fn any_text_fits_any_width() {
    let text = "# Überschrift `code`{{exec}}\n\n1. a `very long code span in it`{{exec}} b\n   ```\n   fenced in an item\n   ```{{copy}}\n\n   more\n\n| a | b |\n|--|--|\n| 日本語 | x |\n";
    for width in 8..80 {
        let document = render(text, width);
        let too_long = document.lines.iter().find(|line| line.width() > usize::from(width));
        assert!(too_long.is_none() || width < 16, "{width}: {too_long:?}");
    }
}
