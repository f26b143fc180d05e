//! Why Chela refused a call, in a sentence, with what to do about it.

/// What a reason of the ledger means; nothing where there is none.
pub(super) fn sentence(reason: &str) -> &str {
    match reason {
        "price_unknown" => {
            "Its model has no price, and a hard budget of money needs one: `chela price set VENDOR/MODEL` sets it."
        }
        "model_not_allowed" => {
            "Who called may not ask for this model: `chela virtual-key change KEY --model MODEL` says what a virtual key is for."
        }
        "not_connected" => "There is no provider key for this vendor: `chela key add` adds one.",
        "not_connected_for_model" => {
            "No provider key of this vendor is for this model: `chela key set KEY --model MODEL` says which it is for."
        }
        "no_link" => "No model of the chain could be asked: `chela chain show CHAIN` says why.",
        "unknown_vendor" => {
            "The model's name begins with no vendor Chela knows; it is written vendor/model: `chela key vendors` lists them."
        }
        "other_dialect" => {
            "The vendor does not speak the interface that the call used; ask it by another one."
        }
        "stopped" => "Somebody stopped these calls: `chela spending list` and `chela budget list` show it.",
        "request_limit" => {
            "A limit of requests was reached; it goes on by itself. `chela budget list` or `chela key list -o wide` shows it."
        }
        "token_limit" => {
            "A limit of tokens was reached; it goes on by itself. `chela budget list` or `chela key list -o wide` shows it."
        }
        "budget_used_up" | "set_aside_used" => {
            "A budget was used up: `chela budget change ID --most AMOUNT` makes it more, or it begins anew by itself."
        }
        "more_than_set_aside" => {
            "The call might have used more than a budget has in a whole period; ask for a shorter answer, or make it more."
        }
        "upstream_failing" => "Its vendor failed several times in a row; it is asked again soon.",
        "slow_down" => "Its vendor asked to slow down; try again later.",
        "body_too_large" => "The call was larger than Chela takes.",
        "head_too_large" => "The headers of the call were larger than Chela takes.",
        "address_refused" => {
            "The address of its provider key is none that Chela connects to: `chela key list -o wide` shows it."
        }
        // Its code stands with the status.
        _ => "",
    }
}
