//! How panes share a tab's room: halves of halves. Pure.

use ratatui::layout::Rect;
use serde::{Deserialize, Serialize};

/// How a room is halved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// Left and right.
    Beside,
    /// Above and below.
    Below,
}

/// Where another pane is, seen from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// Above.
    Up,
    /// Below.
    Down,
}

/// The least size of a pane in a split.
pub const LEAST: (u16, u16) = (16, 3);

/// A room: one pane, or two rooms with a line between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tiles<T> {
    /// One pane.
    One(T),
    /// Two rooms.
    Two {
        /// How they lie.
        way: Way,
        /// The first room's share, in thousandths.
        share: u16,
        /// The rooms.
        rooms: Box<[Tiles<T>; 2]>,
    },
}

/// A line between two rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Its number, in the order in which the rooms are gone through.
    pub number: usize,
    /// How the rooms beside it lie.
    pub way: Way,
    /// Where it is drawn.
    pub area: Rect,
    /// The room that it halves.
    pub room: Rect,
}

impl<T: Copy + PartialEq> Tiles<T> {
    /// All panes, from the top left on.
    pub fn panes(&self) -> Vec<T> {
        match self {
            Self::One(pane) => vec![*pane],
            Self::Two { rooms, .. } => rooms.iter().flat_map(Self::panes).collect(),
        }
    }

    /// Where each pane is in a room, and the lines between them.
    pub fn areas(&self, room: Rect) -> (Vec<(T, Rect)>, Vec<Line>) {
        let (mut panes, mut lines) = (Vec::new(), Vec::new());
        self.lay(room, &mut panes, &mut lines);
        (panes, lines)
    }

    fn lay(&self, room: Rect, panes: &mut Vec<(T, Rect)>, lines: &mut Vec<Line>) {
        match self {
            Self::One(pane) => panes.push((*pane, room)),
            Self::Two { way, share, rooms } => {
                let [first, line, second] = halves(room, *way, *share);
                lines.push(Line { number: lines.len(), way: *way, area: line, room });
                rooms[0].lay(first, panes, lines);
                rooms[1].lay(second, panes, lines);
            }
        }
    }

    /// Halves a pane's room for a new pane, which comes to the right or below.
    pub fn split(&mut self, pane: T, way: Way, new: T) {
        match self {
            Self::One(own) if *own == pane => {
                let rooms = Box::new([Self::One(pane), Self::One(new)]);
                *self = Self::Two { way, share: 500, rooms };
            }
            Self::One(_) => {}
            Self::Two { rooms, .. } => rooms.iter_mut().for_each(|room| room.split(pane, way, new)),
        }
    }

    /// Takes a pane out; what it shared its room with gets all of it. `None` where nothing is left.
    pub fn without(self, pane: T) -> Option<Self> {
        match self {
            Self::One(own) => (own != pane).then_some(Self::One(own)),
            Self::Two { way, share, rooms } => {
                let [first, second] = *rooms;
                match (first.without(pane), second.without(pane)) {
                    (Some(first), Some(second)) => {
                        Some(Self::Two { way, share, rooms: Box::new([first, second]) })
                    }
                    (one, other) => one.or(other),
                }
            }
        }
    }

    /// Moves a line so that it comes to lie at a cell.
    pub fn drag(&mut self, line: &Line, column: u16, row: u16) {
        let (length, at) = match line.way {
            Way::Beside => (line.room.width, column.saturating_sub(line.room.x)),
            Way::Below => (line.room.height, row.saturating_sub(line.room.y)),
        };
        // Rounded up, so that rounding down finds the same cell again.
        let share = (u32::from(at) * 1000).div_ceil(u32::from(length.max(1)));
        let mut number = 0;
        self.set_share(line.number, &mut number, u16::try_from(share).unwrap_or(500));
    }

    fn set_share(&mut self, line: usize, number: &mut usize, thousandths: u16) {
        let Self::Two { share, rooms, .. } = self else { return };
        if *number == line {
            *share = thousandths.clamp(50, 950);
        }
        *number += 1;
        rooms.iter_mut().for_each(|room| room.set_share(line, number, thousandths));
    }

    /// Moves the nearest line around a pane by a few cells towards a side; `false` where there is none.
    pub fn push(&mut self, pane: T, side: Side, room: Rect) -> bool {
        let way = match side {
            Side::Left | Side::Right => Way::Beside,
            Side::Up | Side::Down => Way::Below,
        };
        let (panes, lines) = self.areas(room);
        let Some((_, area)) = panes.iter().find(|(id, _)| *id == pane) else { return false };
        // Of the lines whose room holds the pane, the innermost comes last.
        let holds = |line: &&Line| line.way == way && line.room.intersection(*area) == *area;
        let found = lines.iter().rfind(holds);
        if let Some(line) = found {
            let (x, y) = (line.area.x, line.area.y);
            let (x, y) = match side {
                Side::Left => (x.saturating_sub(3), y),
                Side::Right => (x + 3, y),
                Side::Up => (x, y.saturating_sub(1)),
                Side::Down => (x, y + 1),
            };
            self.drag(line, x, y);
        }
        found.is_some()
    }

    /// The pane next to one, on a side; of several the one that is nearest to its top left.
    pub fn beside(&self, pane: T, side: Side, room: Rect) -> Option<T> {
        let (panes, _) = self.areas(room);
        let (_, own) = *panes.iter().find(|(id, _)| *id == pane)?;
        let touches = |other: &Rect| match side {
            Side::Left => other.right() + 1 == own.x && overlap(other.y, other.bottom(), own.y, own.bottom()),
            Side::Right => {
                own.right() + 1 == other.x && overlap(other.y, other.bottom(), own.y, own.bottom())
            }
            Side::Up => other.bottom() + 1 == own.y && overlap(other.x, other.right(), own.x, own.right()),
            Side::Down => own.bottom() + 1 == other.y && overlap(other.x, other.right(), own.x, own.right()),
        };
        panes.iter().find(|(id, area)| *id != pane && touches(area)).map(|(id, _)| *id)
    }

    /// The same rooms with other panes in them.
    pub fn map<U>(&self, f: &mut impl FnMut(T) -> U) -> Tiles<U> {
        self.each_to(&mut |pane| f(*pane))
    }
}

impl<T> Tiles<T> {
    /// Goes through all panes.
    pub fn each(&self, f: &mut impl FnMut(&T)) {
        match self {
            Self::One(pane) => f(pane),
            Self::Two { rooms, .. } => rooms.iter().for_each(|room| room.each(f)),
        }
    }

    /// The same rooms with what `f` makes of each pane.
    pub fn each_to<U>(&self, f: &mut impl FnMut(&T) -> U) -> Tiles<U> {
        match self {
            Self::One(pane) => Tiles::One(f(pane)),
            Self::Two { way, share, rooms } => {
                let first = rooms[0].each_to(f);
                let second = rooms[1].each_to(f);
                Tiles::Two { way: *way, share: *share, rooms: Box::new([first, second]) }
            }
        }
    }
}

fn overlap(a: u16, a_end: u16, b: u16, b_end: u16) -> bool {
    a < b_end && b < a_end
}

/// The first room, the line, the second room.
fn halves(room: Rect, way: Way, share: u16) -> [Rect; 3] {
    let (length, least) = match way {
        Way::Beside => (room.width, LEAST.0),
        Way::Below => (room.height, LEAST.1),
    };
    let usable = length.saturating_sub(1);
    let wanted = u16::try_from(u32::from(length) * u32::from(share) / 1000).unwrap_or(usable);
    // Where there is no room for two, both get what there is.
    let first = if usable >= 2 * least { wanted.clamp(least, usable - least) } else { usable / 2 };
    let second = usable - first;
    match way {
        Way::Beside => [
            Rect { width: first, ..room },
            Rect { x: room.x + first, width: length - usable, ..room },
            Rect { x: room.right() - second, width: second, ..room },
        ],
        Way::Below => [
            Rect { height: first, ..room },
            Rect { y: room.y + first, height: length - usable, ..room },
            Rect { y: room.bottom() - second, height: second, ..room },
        ],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const ROOM: Rect = Rect { x: 10, y: 2, width: 81, height: 31 };

    fn three() -> Tiles<u64> {
        let mut tiles = Tiles::One(1);
        tiles.split(1, Way::Beside, 2);
        tiles.split(2, Way::Below, 3);
        tiles
    }

    #[test]
    fn rooms_are_halved_with_a_line_between() {
        let (panes, lines) = three().areas(ROOM);
        assert_eq!(
            panes,
            [(1, Rect::new(10, 2, 40, 31)), (2, Rect::new(51, 2, 40, 15)), (3, Rect::new(51, 18, 40, 15))]
        );
        assert_eq!(
            lines.iter().map(|l| l.area).collect::<Vec<_>>(),
            [Rect::new(50, 2, 1, 31), Rect::new(51, 17, 40, 1)]
        );
    }

    #[test]
    fn every_cell_belongs_to_one_pane_or_line_at_any_size() {
        for (width, height) in [(1, 1), (5, 3), (33, 7), (60, 20), (200, 60)] {
            let room = Rect::new(3, 1, width, height);
            let (panes, lines) = three().areas(room);
            let areas = panes.iter().map(|(_, a)| a).chain(lines.iter().map(|l| &l.area));
            assert_eq!(areas.map(|area| area.area()).sum::<u32>(), room.area(), "{width}x{height}");
        }
    }

    #[test]
    fn a_pane_that_goes_leaves_its_room_to_its_neighbour() {
        let tiles = three().without(2).unwrap();
        assert_eq!(tiles.areas(ROOM).0, [(1, Rect::new(10, 2, 40, 31)), (3, Rect::new(51, 2, 40, 31))]);
        let tiles = tiles.without(1).unwrap();
        assert_eq!(tiles, Tiles::One(3));
        assert_eq!(tiles.without(3), None);
    }

    #[test]
    fn a_line_comes_to_lie_where_it_is_dragged_and_stops_at_the_least_size() {
        for column in 30..70 {
            let mut tiles = three();
            let line = tiles.areas(ROOM).1[0];
            tiles.drag(&line, column, 9);
            assert_eq!(tiles.areas(ROOM).1[0].area.x, column);
        }
        let mut tiles = three();
        let line = tiles.areas(ROOM).1[1];
        tiles.drag(&line, 0, 2);
        assert_eq!(tiles.areas(ROOM).0[1].1.height, LEAST.1);
        tiles.push(3, Side::Down, ROOM);
        assert_eq!(tiles.areas(ROOM).0[1].1.height, LEAST.1 + 1);
    }

    #[test]
    fn neighbours_are_found_on_each_side() {
        let tiles = three();
        let table = [
            (1, Side::Right, Some(2)),
            (1, Side::Left, None),
            (2, Side::Left, Some(1)),
            (2, Side::Down, Some(3)),
            (3, Side::Up, Some(2)),
            (3, Side::Left, Some(1)),
            (3, Side::Down, None),
        ];
        for (pane, side, expected) in table {
            assert_eq!(tiles.beside(pane, side, ROOM), expected, "{pane} {side:?}");
        }
    }

    #[test]
    fn rooms_survive_being_written_down() {
        let text = serde_json::to_string(&three()).unwrap();
        assert_eq!(serde_json::from_str::<Tiles<u64>>(&text).unwrap(), three());
    }
}
