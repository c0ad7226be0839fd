//! The first screen: what is offered, and what is taken.

use super::super::effect::Effect;
use super::super::event::Trouble;
use super::super::offer::Offer;
use super::super::starter::Choice;
use super::{Overlay, Question, Stage, State};

/// The first screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picker {
    /// What is offered; `None` until it is read.
    pub offers: Option<Result<Vec<Offer>, Trouble>>,
    /// The index of what Enter takes.
    pub selected: usize,
}

impl State {
    /// What the first screen offers.
    pub fn offers(&self) -> &[Offer] {
        match &self.picker.offers {
            Some(Ok(offers)) => offers,
            _ => &[],
        }
    }

    pub(super) fn offered(&mut self, offers: Result<Vec<Offer>, Trouble>) {
        // What is under way comes first to hand.
        let open = offers.as_ref().ok().and_then(|offers| offers.iter().position(|offer| offer.open));
        self.picker = Picker { offers: Some(offers), selected: open.unwrap_or(0) };
    }

    pub(super) fn pick_step(&mut self, by: i32) {
        let last = self.offers().len().saturating_sub(1);
        let far = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        let at = self.picker.selected.min(last);
        self.picker.selected = if by < 0 { at.saturating_sub(far) } else { at.saturating_add(far).min(last) };
    }

    /// Takes what is selected; asks where that puts another lesson away.
    pub(super) fn pick(&mut self, effects: &mut Vec<Effect>) {
        let Some(offer) = self.offers().get(self.picker.selected) else { return };
        let other = self.offers().iter().any(|o| o.open && !o.exam && o.id != offer.id);
        if other && !offer.exam {
            self.lay(Overlay::Question(Question::Switch));
        } else {
            self.start_picked(effects);
        }
    }

    pub(super) fn start_picked(&mut self, effects: &mut Vec<Effect>) {
        let Some(offer) = self.offers().get(self.picker.selected) else { return };
        let choice = Choice { id: Some(offer.id.clone()), exam: offer.exam };
        self.stage = Stage::Starting(None);
        effects.push(Effect::Start(choice));
    }
}
