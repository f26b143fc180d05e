//! The lifecycle against a simulated world: whatever state it starts in and whatever fault strikes once,
//! at most 12 steps lead to what is wanted.

use super::*;

/// A bot's world, as real as the pure core needs it.
#[derive(Clone, Copy, Debug)]
struct World {
    standing: Standing,
    /// A purged bot has no row any more.
    gone: bool,
}

/// What can go wrong once, at any step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// The step does nothing.
    Lost,
    /// The step works, but Chela dies before it can note anything.
    Unnoted,
    /// The process dies by itself.
    Dies,
    /// The runtime does not answer once.
    Deaf,
    /// The gateway hangs past its time.
    Hangs,
    /// Somebody removed the container by hand.
    Vanishes,
}

const FAULTS: [Fault; 6] =
    [Fault::Lost, Fault::Unnoted, Fault::Dies, Fault::Deaf, Fault::Hangs, Fault::Vanishes];

impl World {
    /// Carries out a step as the reconciler would.
    fn act(&mut self, step: Step) {
        let s = &mut self.standing;
        match step {
            Step::Settle => {}
            Step::Pause => s.must_wait = false,
            Step::AwaitRuntime => s.seen = Seen::Exited { generation: s.generation, ours: false },
            Step::Keep => s.keep = Keep::Nothing,
            Step::Prepare => s.prepared = true,
            Step::Create => {
                s.seen = Seen::Created { generation: s.generation };
                s.config_current = true;
            }
            Step::Start => {
                s.seen = Seen::Running { generation: s.generation };
                s.gateway = Gateway::Waiting;
            }
            Step::AwaitGateway => s.gateway = Gateway::Ready,
            Step::Configure => s.config_current = true,
            Step::NoteDeath | Step::NoteHang => {
                s.generation += 1;
                s.must_wait = true;
            }
            Step::Stop => {
                if let Seen::Running { generation } = s.seen {
                    s.seen = Seen::Exited { generation, ours: true };
                }
            }
            Step::Remove => s.seen = Seen::Absent,
            Step::Purge => self.gone = true,
        }
    }

    fn strike(&mut self, fault: Fault, step: Step) {
        match fault {
            Fault::Lost => {}
            Fault::Unnoted => {
                // What was done outside stays, what was to be written down is lost.
                let noted = self.standing;
                self.act(step);
                self.standing.generation = noted.generation;
                self.standing.must_wait = noted.must_wait;
                self.standing.prepared = false;
            }
            Fault::Dies => {
                self.act(step);
                if let Seen::Running { generation } = self.standing.seen {
                    self.standing.seen = Seen::Exited { generation, ours: false };
                }
            }
            Fault::Deaf => self.standing.seen = Seen::Unknown,
            Fault::Hangs => {
                self.act(step);
                self.standing.gateway = Gateway::Overdue;
            }
            Fault::Vanishes => {
                self.act(step);
                self.standing.seen = Seen::Absent;
            }
        }
    }

    fn as_wanted(&self) -> bool {
        let s = &self.standing;
        match s.desired {
            Desired::Running => {
                s.seen == Seen::Running { generation: s.generation }
                    && s.gateway == Gateway::Ready
                    && s.config_current
            }
            Desired::Stopped => s.seen == Seen::Absent,
            Desired::Deleted => self.gone,
        }
    }
}

fn every_standing() -> Vec<Standing> {
    let mut all = Vec::new();
    let mut seens = vec![Seen::Absent, Seen::Unknown];
    for generation in [1, 2] {
        seens.push(Seen::Created { generation });
        seens.push(Seen::Running { generation });
        seens.push(Seen::Exited { generation, ours: false });
        seens.push(Seen::Exited { generation, ours: true });
    }
    for desired in [Desired::Running, Desired::Stopped, Desired::Deleted] {
        for seen in &seens {
            for gateway in [Gateway::Waiting, Gateway::Overdue, Gateway::Ready] {
                for bits in 0..24 {
                    let keep = [Keep::Nothing, Keep::Take, Keep::Return][bits / 8];
                    all.push(Standing {
                        keep,
                        desired,
                        seen: *seen,
                        gateway,
                        generation: 2,
                        config_current: bits & 1 != 0,
                        must_wait: bits & 2 != 0,
                        prepared: bits & 4 != 0,
                    });
                }
            }
        }
    }
    all
}

/// Steps until as wanted, with `fault` at step number `at`; the fault itself is not a step towards it.
fn steps_to_wanted(start: Standing, fault: Option<(Fault, usize)>) -> usize {
    let mut world = World { standing: start, gone: false };
    for taken in 0..40 {
        if world.as_wanted() {
            return taken;
        }
        let step = next(&world.standing);
        match fault {
            Some((fault, at)) if at == taken => world.strike(fault, step),
            _ => world.act(step),
        }
    }
    panic!("never gets there: {start:?} with {fault:?}");
}

#[test]
fn from_every_state_with_every_single_fault_at_most_12_steps_lead_to_what_is_wanted() {
    let mut worst = 0;
    for start in every_standing() {
        worst = worst.max(steps_to_wanted(start, None));
        for fault in FAULTS {
            for at in 0..12 {
                // The fault may strike late: what counts is how long it takes from there.
                worst = worst.max(steps_to_wanted(start, Some((fault, at))).saturating_sub(at));
            }
        }
    }
    assert!(worst <= 12, "{worst} steps");
}

#[test]
fn seeded_storms_of_faults_always_end_as_wanted() {
    use proptest::prelude::*;
    let starts = every_standing();
    let storms = (0..starts.len(), proptest::collection::vec((0..FAULTS.len(), 0usize..4), 0..20));
    let config = ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((start, storm) in storms)| {
        let mut world = World { standing: starts[start], gone: false };
        for (fault, calm) in storm {
            for _ in 0..calm {
                if !world.gone {
                    let step = next(&world.standing);
                    world.act(step);
                }
            }
            if !world.gone {
                let step = next(&world.standing);
                world.strike(FAULTS[fault], step);
            }
        }
        if !world.gone {
            prop_assert!(steps_to_wanted(world.standing, None) <= 12);
        }
    });
}

#[test]
fn a_stopped_bot_is_never_created_or_started() {
    for standing in every_standing().into_iter().filter(|s| s.desired != Desired::Running) {
        assert!(!matches!(next(&standing), Step::Create | Step::Start | Step::Prepare), "{standing:?}");
    }
}

#[test]
fn only_an_absent_and_deleted_bot_is_purged() {
    for standing in every_standing() {
        if next(&standing) == Step::Purge {
            assert_eq!((standing.desired, standing.seen), (Desired::Deleted, Seen::Absent));
        }
    }
}

#[test]
fn what_is_shown_as_running_is_running_and_ready() {
    for standing in every_standing() {
        if shown(&standing, next(&standing)).0 == Observed::Running {
            assert_eq!((standing.seen, standing.gateway), (Seen::Running { generation: 2 }, Gateway::Ready));
        }
    }
}
