//! Short messages in one piece: for a socket one copy is cheaper than a list of pieces.

use std::io::IoSlice;

/// What is copied at most: a head and a short body.
const SHORT_BYTES: usize = 2048;

/// Where pieces are put together.
pub(crate) const fn room() -> [u8; SHORT_BYTES] {
    [0; SHORT_BYTES]
}

/// Several pieces as one, where they are short; `None`: they had better leave as they are.
pub(crate) fn joined<'a>(pieces: &[IoSlice<'_>], room: &'a mut [u8; SHORT_BYTES]) -> Option<&'a [u8]> {
    let mut used = 0;
    for piece in pieces {
        let end = used + piece.len();
        room.get_mut(used..end)?.copy_from_slice(piece);
        used = end;
    }
    room.get(..used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_pieces_are_put_together_in_their_order_and_long_ones_are_left() {
        let (head, body) = ([b'h'; 500], [b'b'; 300]);
        let mut room = room();
        let all = joined(&[IoSlice::new(&head), IoSlice::new(&[]), IoSlice::new(&body)], &mut room);
        assert_eq!(all, Some([&head[..], &body[..]].concat().as_slice()));
        let just = [b'j'; SHORT_BYTES - 300];
        let all = joined(&[IoSlice::new(&just), IoSlice::new(&body)], &mut room);
        assert_eq!(all.map(<[u8]>::len), Some(SHORT_BYTES));
        let long = [b'l'; SHORT_BYTES - 299];
        assert_eq!(joined(&[IoSlice::new(&long), IoSlice::new(&body)], &mut room), None);
    }
}
