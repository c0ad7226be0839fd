//! How one list becomes another: a way that is found quickly and is good enough.
//!
//! Upstream: `github.com/google/go-cmp/cmp/internal/diff`. From both ends in turn, matches are looked for on the diagonal
//! through the frontier; the first that is seen is taken.

use super::Habit;

/// A step of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    /// The same on both sides.
    Same,
    /// Only in the old list.
    OnlyOld,
    /// Only in the new list.
    OnlyNew,
    /// In both, and somewhat alike.
    Modified,
}

/// How much of two items is equal, and how much is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Likeness {
    /// Leaves that are equal.
    pub same: usize,
    /// Leaves that differ.
    pub differ: usize,
}

impl Likeness {
    /// That of items which cannot be alike without being the same.
    pub fn of(same: bool) -> Self {
        if same { Self { same: 1, differ: 0 } } else { Self { same: 0, differ: 2 } }
    }

    fn equal(self) -> bool {
        self.differ == 0
    }

    fn similar(self) -> bool {
        self.same + 1 >= self.differ
    }
}

struct Way {
    at: (i64, i64),
    edits: Vec<Edit>,
    forward: bool,
}

impl Way {
    fn go(&mut self, edit: Edit) {
        let by = if self.forward { 1 } else { -1 };
        match edit {
            Edit::Same | Edit::Modified => self.at = (self.at.0 + by, self.at.1 + by),
            Edit::OnlyOld => self.at.0 += by,
            Edit::OnlyNew => self.at.1 += by,
        }
        self.edits.push(edit);
    }

    /// Goes on to a point.
    fn connect(&mut self, to: (i64, i64), look: &mut impl FnMut(i64, i64) -> Likeness) {
        loop {
            let left = ((to.0 - self.at.0).abs(), (to.1 - self.at.1).abs());
            let edit = match left {
                (0, 0) => return,
                (_, 0) => Edit::OnlyOld,
                (0, _) => Edit::OnlyNew,
                (x, y) => {
                    let (i, j) = if self.forward { self.at } else { (self.at.0 - 1, self.at.1 - 1) };
                    let likeness = look(i, j);
                    if likeness.equal() {
                        Edit::Same
                    } else if likeness.similar() {
                        Edit::Modified
                    } else if (self.forward && x >= y) || (!self.forward && y < x) {
                        Edit::OnlyOld
                    } else {
                        Edit::OnlyNew
                    }
                }
            };
            self.go(edit);
        }
    }
}

/// 0, -1, 1, -2, 2, ...
fn zigzag(i: i64) -> i64 {
    if i & 1 == 0 { i >> 1 } else { !i >> 1 }
}

/// The way from a list of so many items to another; `look` compares two items.
pub(super) fn edits(
    habit: Habit,
    old: usize,
    new: usize,
    mut look: impl FnMut(usize, usize) -> Likeness,
) -> Vec<Edit> {
    let signed = |n: usize| i64::try_from(n).unwrap_or(i64::MAX / 8);
    let mut look = |i: i64, j: i64| look(usize::try_from(i).unwrap_or(0), usize::try_from(j).unwrap_or(0));
    let end = (signed(old), signed(new));
    let mut front = Way { at: (0, 0), edits: Vec::new(), forward: true };
    let mut back = Way { at: end, edits: Vec::new(), forward: false };
    let (mut from, mut to) = (front.at, back.at);
    let mut budget = 4 * (end.0 + end.1);
    let mut forward = habit == Habit::Forward;
    while from.0 < to.0 && from.1 < to.1 && budget > 0 {
        let (mut one, mut other, mut i) = (false, false, 0);
        while !(one && other) && budget > 0 {
            let z = zigzag(i);
            i += 1;
            if forward {
                let point = (from.0 + z, from.1 - z);
                if point.0 >= back.at.0 || point.1 < front.at.1 {
                    one = true;
                } else if point.1 >= back.at.1 || point.0 < front.at.0 {
                    other = true;
                } else if look(point.0, point.1).equal() {
                    front.connect(point, &mut look);
                    front.go(Edit::Same);
                    while front.at.0 < back.at.0
                        && front.at.1 < back.at.1
                        && look(front.at.0, front.at.1).equal()
                    {
                        front.go(Edit::Same);
                    }
                    from = front.at;
                    (one, other) = (true, true);
                } else {
                    budget -= 1;
                }
            } else {
                let point = (to.0 - z, to.1 + z);
                if front.at.0 >= point.0 || back.at.1 < point.1 {
                    one = true;
                } else if front.at.1 >= point.1 || back.at.0 < point.0 {
                    other = true;
                } else if look(point.0 - 1, point.1 - 1).equal() {
                    back.connect(point, &mut look);
                    back.go(Edit::Same);
                    while front.at.0 < back.at.0
                        && front.at.1 < back.at.1
                        && look(back.at.0 - 1, back.at.1 - 1).equal()
                    {
                        back.go(Edit::Same);
                    }
                    to = back.at;
                    (one, other) = (true, true);
                } else {
                    budget -= 1;
                }
            }
        }
        if forward {
            let wide = back.at.0 - from.0 >= back.at.1 - from.1;
            if wide { from.0 += 1 } else { from.1 += 1 }
        } else {
            let wide = to.0 - front.at.0 >= to.1 - front.at.1;
            if wide { to.0 -= 1 } else { to.1 -= 1 }
        }
        forward = !forward;
    }
    front.connect(back.at, &mut look);
    front.edits.extend(back.edits.iter().rev());
    front.edits
}
