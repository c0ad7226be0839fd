//! Columns the way Go's `text/tabwriter` lays them out.

/// Lays out lines whose cells end in tabs.
///
/// A column's width is that of its widest cell in the unbroken run of lines which have that column, plus `padding`,
/// at least `min`. The last cell of a line, which no tab ends, does not count.
pub fn layout(text: &str, min: usize, padding: usize) -> String {
    layout_remembering(text, min, padding, &mut Vec::new())
}

/// Lays out lines as [`layout`] does and makes columns at least as wide as they were before (`RememberWidths`).
pub fn layout_remembering(text: &str, min: usize, padding: usize, widths: &mut Vec<usize>) -> String {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let mut width: Vec<Vec<usize>> = lines.iter().map(|l| vec![0; l.len().saturating_sub(1)]).collect();
    for column in 0..width.iter().map(Vec::len).max().unwrap_or(0) {
        let mut start = 0;
        while start < lines.len() {
            let end = (start..lines.len()).find(|&i| width[i].len() <= column).unwrap_or(lines.len());
            let widest = lines[start..end].iter().map(|l| cells(l[column]) + padding).max().unwrap_or(0);
            let remembered = widths.get(column).copied().unwrap_or(0);
            let chosen = widest.max(min).max(remembered);
            for line in &mut width[start..end] {
                line[column] = chosen;
            }
            if end > start {
                if widths.len() <= column {
                    widths.resize(column + 1, 0);
                }
                widths[column] = widths[column].max(chosen);
            }
            start = end + 1;
        }
    }
    let mut out = String::with_capacity(text.len() * 2);
    for (line, widths) in lines.iter().zip(&width) {
        for (i, cell) in line.iter().enumerate() {
            out.push_str(cell);
            if let Some(width) = widths.get(i) {
                out.extend(std::iter::repeat_n(' ', width.saturating_sub(cells(cell))));
            }
        }
        out.push('\n');
    }
    out
}

/// Go counts code points, not terminal cells.
fn cells(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_run() {
        assert_eq!(layout("NAME\tAGE\nlonger-name\t3s\n", 6, 3), "NAME          AGE\nlonger-name   3s\n");
        assert_eq!(layout("p1\t0\t3s\n", 6, 3), "p1    0     3s\n");
        assert_eq!(layout("a\tb\nplain\nlonger\tc\n", 0, 2), "a  b\nplain\nlonger  c\n");
        assert_eq!(layout("n\tU\t\n", 6, 3), "n     U     \n");
    }

    #[test]
    fn remembered_widths_only_grow() {
        let mut widths = Vec::new();
        layout_remembering("a-long-name\tx\n", 6, 3, &mut widths);
        assert_eq!(layout_remembering("b\tx\n", 6, 3, &mut widths), "b             x\n");
    }
}
