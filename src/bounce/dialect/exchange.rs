//! Microsoft Exchange, from 5.5 to the online one, where it sends words for people instead of a delivery status.

use super::{Letter, Refusal, between, paragraph::addressed, refusals};

/// MAPI's code for an unknown recipient.
const UNKNOWN_RECIPIENT: &str = "000C05A6";

pub(super) fn read(letter: &Letter) -> Option<Vec<Refusal>> {
    // The administrators' part says why; what stands before it is advice.
    let told = between(
        letter,
        &[
            "Diagnostic information for administrators:",
            "Diagnoseinformationen für Administratoren:",
            "Informations de diagnostic pour les administrateurs",
        ],
        &[
            "\nOriginal message headers",
            "\nOriginal Message Headers",
            "\nUrsprüngliche Nachrichtenkopfzeilen",
            "\nEn-têtes de message d'origine",
        ],
    )
    .or_else(|| {
        between(
            letter,
            &[
                "did not reach the following recipient(s):",
                "could not be reached:",
                "nicht erreicht werden:",
                "Delivery has failed to these recipients or groups:",
                "Delivery has failed to these recipients or distribution lists:",
                "Delivery to the following recipients failed",
                "Fehler bei der Nachrichtenzustellung an folgende Empfänger",
            ],
            &["\nThe following organization rejected"],
        )
    })?;
    let told = refusals(addressed(told), letter).into_iter();
    // Before 2000 it gave no code but its own, and said `not found` of whatever its connector did not find.
    Some(
        told.map(|refusal| Refusal {
            is_doubtful: refusal.code().is_empty()
                && !refusal.diagnostic.contains(UNKNOWN_RECIPIENT),
            ..refusal
        })
        .collect(),
    )
}
