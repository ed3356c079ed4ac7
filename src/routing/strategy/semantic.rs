//! `semantic`: the models of the archetype whose examples the prompt is nearest to, in their order; where none is near enough, as `balanced`.

use super::balanced::Balanced;
use super::{Choosing, Contender, Rules};

pub(super) struct Semantic;

impl Rules for Semantic {
    fn name(&self) -> &'static str {
        "semantic"
    }

    fn rank(&self, contenders: &mut [Contender<'_>], choosing: &Choosing<'_>) -> String {
        let otherwise = Balanced.rank(contenders, choosing);
        let Some(archetype) = &choosing.terms.archetype else {
            return format!("{otherwise}, for the prompt is near no archetype");
        };
        let place = |contender: &Contender<'_>| {
            archetype.models.iter().position(|model| *model == contender.model.name).unwrap_or(usize::MAX)
        };
        // The sort is stable: those that the archetype does not name stay as they were, behind.
        contenders.sort_by_key(place);
        match contenders.first() {
            Some(first) if place(first) < usize::MAX => {
                format!("the model of the archetype {:?} (similarity {:.2})", archetype.name, archetype.similarity)
            }
            _ => format!("{otherwise}, for no model of the archetype {:?} can serve", archetype.name),
        }
    }
}
