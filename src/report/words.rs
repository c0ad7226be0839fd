//! The words of reports in each language.

use crate::check::Verdict;

/// The languages there are words in, the first of which stands in for others.
pub const LANGUAGES: [&str; 2] = ["en", "ja"];

/// English and Japanese by key.
#[rustfmt::skip]
const WORDS: &[(&str, [&str; 2])] = &[
    ("report", ["Report", "レポート"]),
    ("points", ["{} of {} points, {} %", "{} / {} 点、{} %"]),
    ("reached", ["the pass mark of {} % is reached", "合格ライン {} % に到達しました"]),
    ("not-reached", ["the pass mark of {} % is not reached", "合格ライン {} % に届いていません"]),
    ("time", ["time", "所要時間"]),
    ("cluster", ["cluster", "クラスター"]),
    ("domain", ["domain", "分野"]),
    ("started", ["started", "開始"]),
    ("ended", ["last graded", "最終採点"]),
    ("not-graded", ["not graded yet", "未採点"]),
    ("passed", ["passed", "合格"]),
    ("not-passed", ["not passed", "不合格"]),
    ("graded", ["graded {} times, hints {} of {}", "採点 {} 回、ヒント {} / {}"]),
    ("solution", ["solution used", "解答例を使用"]),
    ("expected", ["expected", "期待"]),
    ("observed", ["observed", "実際"]),
    ("hint", ["hint", "ヒント"]),
    ("check", ["check", "チェック"]),
    ("score", ["points", "点数"]),
    ("attempts", ["Attempts", "挑戦の履歴"]),
    ("gradings", ["gradings", "採点回数"]),
    ("hints", ["hints", "ヒント"]),
    ("solutions", ["solutions", "解答例"]),
    ("digest", ["SHA-256 of the evidence", "証跡の SHA-256"]),
    ("pass", ["ok", "合格"]),
    ("fail", ["FAIL", "不合格"]),
    ("error", ["ERROR", "判定不能"]),
    ("skipped", ["skipped", "対象外"]),
    ("unknown", ["unknown", "不明"]),
];

/// A word in a language; English where that has none.
pub fn word(lang: &str, key: &str) -> &'static str {
    let column = LANGUAGES.iter().position(|l| *l == lang).unwrap_or(0);
    WORDS.iter().find(|(known, _)| *known == key).map_or("?", |(_, all)| all[column])
}

/// A word with its `{}` filled in, in order.
pub fn filled(lang: &str, key: &str, values: &[&dyn std::fmt::Display]) -> String {
    let mut parts = word(lang, key).split("{}");
    let mut text = parts.next().unwrap_or("").to_owned();
    for (part, value) in parts.zip(values) {
        text += &value.to_string();
        text += part;
    }
    text
}

/// The word for a verdict.
pub fn verdict(lang: &str, check: &crate::grade::CheckResult) -> &'static str {
    match check.verdict {
        _ if super::is_skipped(check) => word(lang, "skipped"),
        Verdict::Pass => word(lang, "pass"),
        Verdict::Fail => word(lang, "fail"),
        Verdict::Error => word(lang, "error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_there_once_in_every_language_with_the_same_gaps() {
        let mut keys = std::collections::BTreeSet::new();
        for (key, all) in WORDS {
            assert!(keys.insert(key), "{key} twice");
            for text in all {
                assert!(!text.is_empty(), "{key}");
                assert_eq!(text.matches("{}").count(), all[0].matches("{}").count(), "{key}");
            }
        }
        assert_eq!(word("fr", "time"), "time");
        assert_eq!(filled("ja", "graded", &[&2, &1, &3]), "採点 2 回、ヒント 1 / 3");
    }
}
