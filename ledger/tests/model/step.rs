//! What can happen next, and how histories of it are drawn: only what can happen where the broker
//! stands, so that few steps are wasted.

use courier_ledger::{Hundredths, LegacyEntry, Missing, RequestId, Timestamp};
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::broker::{Broker, Deed};
use super::partners::{self, BROKERS, DROP_BOXES};

/// How a command goes at the drop-box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Luck {
    Good,
    /// Delivered, and the recipient takes it at once.
    TakenAtOnce,
    /// Nothing happens, and that is known.
    Refused,
    /// The temporary file may remain; the final name is as it was.
    LeftBehind,
    /// It happened, and the answer is lost.
    AnswerLost,
    /// The connection is lost before anything happened.
    RequestLost,
    /// The old file was unlinked and the new one is not in place.
    BetweenUnlinkAndRename,
}

/// How the broker answers a poll.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Whole,
    /// All lists come back empty, with 200.
    Empty,
    /// The filtered list comes back empty; the evidence is sound.
    FilteredEmpty,
    /// Some listed requests cannot be read.
    Unreadable(u8),
    /// A status holds a node twice.
    NodeTwice(u8),
    /// No look into any absence succeeds.
    NoEvidence,
    /// The poll ends before every listed request was read.
    Partial,
    /// Nobody looked into the absences.
    NotLookedInto,
    /// A number is listed twice.
    ListedTwice,
    /// No usable answer.
    Failed,
}

/// How a look at the drop-box goes, where the policy asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Whole,
    /// The server does not tell sizes.
    WithoutSizes,
    Failed,
    /// The drop-box was not reached, so nobody looks.
    NotTried,
    /// The runner dies before it.
    CutOff,
}

/// What a person changes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Setup {
    Key(u8),
    Rules(u8),
    Guards {
        most: u32,
        percent: u8,
    },
    /// The address of this number is the broker's, …
    Broker(u8),
    /// … or the drop-box's.
    DropBox(u8),
}

/// What a person releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// What the last plan blocked.
    Blocked,
    /// The same; what another broker asked for stays.
    Keeping,
    /// Another plan than any.
    Another,
}

/// One step of a history.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Broker(Deed),
    Foreign(u64),
    ForeignGoes(u64),
    PickUp(u64),
    /// Somebody cuts a file of ours short.
    Damage(u64),
    /// What was taken or cut short stands there again as it was delivered.
    Mend(u64),
    /// The runner starts, when none is active.
    Start,
    Poll(Answer, Look),
    /// Several commands begin with one append.
    Begin(u8),
    /// The command of this number among those under way ends.
    Finish {
        which: u8,
        luck: Luck,
    },
    /// The rest of the run, whatever is left of it, ends like this.
    Drain {
        lucks: Vec<Luck>,
        last_first: bool,
        capacity: u8,
    },
    /// The drop-box cannot be reached: the rest of the run is given up in good order.
    Unreachable,
    /// The runner dies; each command under way had come so far.
    Crash(Vec<Luck>),
    /// The runner dies in an append: only so many of its entries are there, and the tail is torn.
    TornBegin {
        begun: u8,
        kept: u8,
    },
    SecondRunner,
    /// A person keeps the plan, for the requests of which the number has the bits, or for all.
    KeepPlan(u8),
    /// A run begins that is bound to it.
    StartBound,
    Person(Setup),
    Approve(Release),
    /// A person says that the key will be this one.
    Announce(u8),
    /// The working directory is lost; what is missing at the drop-box was fetched, or is delivered again.
    LoseDisk(Missing),
    /// Another courier publishes to our drop-box, …
    OtherCourier,
    /// … until somebody puts that right.
    OtherCourierGoes,
    /// Somebody empties what was left behind, and says so.
    LeftBehindGone,
    /// The clock jumps, in seconds.
    Jump(i64),
}

/// Where a history begins and, as far as the generator needs it, stands.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) broker: Broker,
    pub(crate) other_broker: Broker,
    at_second_broker: bool,
    pub(crate) legacy: Vec<LegacyEntry>,
    /// Other people's files at the drop-box that is not delivered to yet.
    pub(crate) foreign_elsewhere: Vec<u64>,
}

/// The generator.
pub(crate) struct Histories;

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        6 => Just(Luck::Good),
        1 => Just(Luck::TakenAtOnce),
        1 => Just(Luck::Refused),
        1 => Just(Luck::LeftBehind),
        1 => Just(Luck::AnswerLost),
        1 => Just(Luck::RequestLost),
        1 => Just(Luck::BetweenUnlinkAndRename),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        8 => Just(Answer::Whole),
        1 => Just(Answer::Empty),
        1 => Just(Answer::FilteredEmpty),
        2 => any::<u8>().prop_map(Answer::Unreadable),
        1 => any::<u8>().prop_map(Answer::NodeTwice),
        1 => Just(Answer::NoEvidence),
        1 => Just(Answer::Partial),
        1 => Just(Answer::NotLookedInto),
        1 => Just(Answer::ListedTwice),
        1 => Just(Answer::Failed),
    ]
}

fn look() -> impl Strategy<Value = Look> {
    prop_oneof![
        4 => Just(Look::Whole),
        1 => Just(Look::WithoutSizes),
        1 => Just(Look::Failed),
        1 => Just(Look::NotTried),
        1 => Just(Look::CutOff),
    ]
}

fn deed(id: impl Strategy<Value = u64> + Clone + 'static) -> impl Strategy<Value = Deed> {
    let node = 0..3u64;
    prop_oneof![
        4 => Just(Deed::Create),
        1 => Just(Deed::Draft),
        1 => id.clone().prop_map(Deed::Publish),
        1 => (id.clone(), node.clone()).prop_map(|(id, node)| Deed::Touch { id, node }),
        4 => (id.clone(), node).prop_map(|(id, node)| Deed::Complete { id, node }),
        2 => id.clone().prop_map(Deed::Untag),
        2 => id.clone().prop_map(Deed::Retag),
        1 => id.clone().prop_map(Deed::BreakDefinition),
        2 => id.prop_map(Deed::Delete),
        1 => Just(Deed::DeleteAll),
        1 => any::<bool>().prop_map(|refill| Deed::RecreateDatabase { refill }),
    ]
}

fn setup() -> impl Strategy<Value = Setup> {
    prop_oneof![
        (0..3u8).prop_map(Setup::Key),
        (0..64u8).prop_map(Setup::Rules),
        (
            prop::sample::select(vec![0, 1, 2, 10]),
            prop::sample::select(vec![0, 20, 50, 100])
        )
            .prop_map(|(most, percent)| Setup::Guards { most, percent }),
    ]
}

fn partner() -> impl Strategy<Value = Setup> {
    prop_oneof![
        (0..BROKERS).prop_map(Setup::Broker),
        (0..DROP_BOXES).prop_map(Setup::DropBox),
    ]
}

fn legacy() -> impl Strategy<Value = Vec<LegacyEntry>> {
    let entry = (
        prop::sample::select(vec![0, 33, 50, 100]),
        any::<bool>(),
        any::<bool>(),
    );
    prop::collection::vec(entry, 0..4).prop_map(|entries| {
        let entries = (0..).zip(entries);
        let entries = entries.map(|(id, (completion, updated, deleted))| LegacyEntry {
            id: RequestId(id),
            completion: Hundredths(completion),
            uploaded: Timestamp(1_600_000_000_000_000),
            last_update: updated.then_some(Timestamp(1_600_000_001_000_000)),
            deleted: deleted.then_some(Timestamp(1_600_000_002_000_000)),
        });
        let mut entries: Vec<_> = entries.collect();
        // Its order is not that of the numbers.
        entries.reverse();
        entries
    })
}

impl ReferenceStateMachine for Histories {
    type State = Setting;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Setting> {
        let legacy = prop_oneof![3 => Just(Vec::new()), 1 => legacy()];
        (legacy, prop::collection::vec(0..6u64, 0..2), 0..3u8)
            .prop_map(|(legacy, foreign_elsewhere, others)| {
                let mut broker = Broker::default();
                // What the replaced program uploaded is still there, and its nodes have touched it.
                for _ in &legacy {
                    broker.take(&Deed::Create);
                }
                let mut other_broker = Broker::second();
                for _ in 0..others {
                    other_broker.take(&Deed::Create);
                }
                Setting {
                    broker,
                    other_broker,
                    at_second_broker: false,
                    legacy,
                    foreign_elsewhere,
                }
            })
            .boxed()
    }

    fn transitions(setting: &Setting) -> BoxedStrategy<Step> {
        let most = setting.broker.requests.keys().last().map_or(1, |id| id + 1);
        let id = 0..most;
        prop_oneof![
            8 => deed(id.clone()).prop_map(Step::Broker),
            1 => (0..most + 2).prop_map(Step::Foreign),
            1 => (0..most + 2).prop_map(Step::ForeignGoes),
            1 => id.clone().prop_map(Step::PickUp),
            1 => id.clone().prop_map(Step::Damage),
            1 => id.prop_map(Step::Mend),
            2 => Just(Step::Start),
            5 => (answer(), look()).prop_map(|(answer, look)| Step::Poll(answer, look)),
            3 => (1..4u8).prop_map(Step::Begin),
            3 => (any::<u8>(), luck()).prop_map(|(which, luck)| Step::Finish { which, luck }),
            5 => (prop::collection::vec(luck(), 0..4), any::<bool>(), 1..4u8).prop_map(
                |(lucks, last_first, capacity)| Step::Drain { lucks, last_first, capacity }
            ),
            1 => Just(Step::Unreachable),
            2 => prop::collection::vec(luck(), 0..4).prop_map(Step::Crash),
            1 => (1..4u8, 0..4u8).prop_map(|(begun, kept)| Step::TornBegin { begun, kept }),
            1 => Just(Step::SecondRunner),
            2 => prop_oneof![Just(0), any::<u8>()].prop_map(Step::KeepPlan),
            2 => Just(Step::StartBound),
            1 => setup().prop_map(Step::Person),
            2 => partner().prop_map(Step::Person),
            3 => prop_oneof![
                4 => Just(Release::Blocked),
                4 => Just(Release::Keeping),
                1 => Just(Release::Another),
            ]
            .prop_map(Step::Approve),
            2 => Just(Step::LeftBehindGone),
            1 => prop_oneof![Just(Missing::Deliver), Just(Missing::Fetched)]
                .prop_map(Step::LoseDisk),
            1 => prop_oneof![1 => Just(Step::OtherCourier), 3 => Just(Step::OtherCourierGoes)],
            1 => (0..3u8).prop_map(Step::Announce),
            1 => (-100..100i64).prop_map(|years| Step::Jump(years * 31_556_952)),
        ]
        .boxed()
    }

    fn apply(mut setting: Setting, step: &Step) -> Setting {
        match step {
            Step::Broker(deed) => setting.broker.take(deed),
            Step::Person(Setup::Broker(number)) => {
                let second = partners::is_second_broker(&partners::broker(*number));
                if second != setting.at_second_broker {
                    std::mem::swap(&mut setting.broker, &mut setting.other_broker);
                    setting.at_second_broker = second;
                }
            }
            _ => {}
        }
        setting
    }
}
