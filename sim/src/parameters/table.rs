//! The declarations: field, key, value in the paper's system, source, meaning and evidence, once.

use tetrarch_core::Span;

use super::value::Quantity;
use super::{Least, Parameter, Source};
use crate::units::{BitsPerSecond, Bytes, Megabytes, Ratio};

macro_rules! parameters {
    ($(
        $key:ident: $type:ty = $paper:expr, $source:ident, $least:ident,
        meaning: $meaning:literal,
        evidence: $evidence:literal;
    )+) => {
        /// Every timing parameter of a simulated system, measured as its type says.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Parameters {
            $(
                #[doc = $meaning]
                #[doc = ""]
                #[doc = concat!("Source: ", stringify!($source), ". ", $evidence)]
                pub $key: $type,
            )+
        }

        impl Parameters {
            /// The paper's system.
            #[must_use]
            pub const fn paper() -> Self {
                Self { $($key: $paper,)+ }
            }
        }

        /// Every parameter, in the order in which reports list them.
        pub static TABLE: &[Parameter] = &[$(
            Parameter {
                key: stringify!($key),
                unit: <$type as Quantity>::UNIT,
                source: Source::$source,
                meaning: $meaning,
                evidence: $evidence,
                least: Least::$least,
                get: |parameters| parameters.$key.into_value(),
                set: |parameters, value| match Quantity::from_value(value) {
                    Some(quantity) => {
                        parameters.$key = quantity;
                        true
                    }
                    None => false,
                },
            },
        )+];
    };
}

parameters! {
    server_start: Span = Span::from_millis(44_300), Table1, Zero,
    meaning: "From power-on of a real server until it answers on the network.",
    evidence: "Table 1: 44.3 s.";
    server_restart: Span = Span::from_millis(56_400), Table1, Zero,
    meaning: "From the restart command of a real server until it answers on the network again.",
    evidence: "Table 1: 56.4 s. Less the server start, this leaves 12.1 s for the shutdown.";
    virtual_server_start: Span = Span::from_millis(27_400), Table1, Zero,
    meaning: "Cold start of a virtual server, when it has no suspended state to resume from.",
    evidence: "Table 1: 27.4 s.";
    virtual_server_resume: Span = Span::from_millis(5_200), Table1, Zero,
    meaning: "Resume of a suspended virtual server that is alone in reading from the file server.",
    evidence: "Table 1: 5.2 s.";
    inter_monitoring: Span = Span::from_secs(10), Table1, AboveZero,
    meaning: "Wait between the end of one monitoring cycle and the start of the next.",
    evidence: "Table 1: 10.0 s.";
    network_examination_normal: Span = Span::from_secs(1), Table1, Zero,
    meaning: "Network examination of a server that answers.",
    evidence: "Table 1: 1.0 s.";
    network_examination_abnormal: Span = Span::from_secs(2), Table1, Zero,
    meaning: "Network examination of a server that does not answer.",
    evidence: "Table 1: 2.0 s.";
    reexamination_wait: Span = Span::from_secs(2), Table1, Zero,
    meaning: "Wait after a service restart before the services are examined again.",
    evidence: "Table 1: 2.0 s.";
    judgement_max: Span = Span::from_secs(105), Table1, AboveZero,
    meaning: "Longest wait for a silent server to come back by itself before it is powered on.",
    evidence: "Table 1: 105.0 s.";
    host_memory: Megabytes = Megabytes(8192), Table1, AboveZero,
    meaning: "Memory of a real server.",
    evidence: "The paper's experiment: 8192 MB in each host.";
    virtual_memory: Megabytes = Megabytes(2048), Table1, AboveZero,
    meaning: "Memory of a virtual server.",
    evidence: "The paper's experiment: 2048 MB for each virtual server.";
    client_interval: Span = Span::from_secs(1), Table1, AboveZero,
    meaning: "Pause between two accesses of the client that measures the disconnection.",
    evidence: "The paper's experiment: the client accesses the service once a second.";
    link_rate: BitsPerSecond = BitsPerSecond(1_000_000_000), Table1, AboveZero,
    meaning: "Rate of the links between servers, and the rate at which the other values were measured.",
    evidence: "The paper's experiment: 1 Gbit/s links.";
    file_server_rate: BitsPerSecond = BitsPerSecond(1_000_000_000), Table1, AboveZero,
    meaning: "Rate at which the file server hands out data, shared by all who read at once.",
    evidence: "The paper's experiment: the file server is on a 1 Gbit/s link.";
    client_rate: BitsPerSecond = BitsPerSecond(100_000_000), Table1, AboveZero,
    meaning: "Rate of the client's link.",
    evidence: "The paper's experiment: 100 Mbit/s on the client's side.";

    remote_command: Span = Span::from_millis(650), Inferred, Zero,
    meaning: "A manager has one command executed on another machine, real or virtual: a service restart or the assignment of a virtual IP address.",
    evidence: "Needed by S1t target and disconnection, S2t function, N1t and N2t function (Fig. 6), and by every function cell of Fig. 7.";
    hand_off: Span = Span::from_millis(200), Inferred, Zero,
    meaning: "A file or exit status that one program writes is found by the program that waits for it: launch of the background job, end of a command, up.file, down.file.",
    evidence: "Needed by every function and target cell of Fig. 6 and Fig. 7.";
    service_ready: Span = Span::from_millis(1_800), Inferred, Zero,
    meaning: "Services, and the executer among them, answer this long after their start command, or after a server that boots first answers on the network.",
    evidence: "Needed by S1t disconnection and by the targets of S2t, N1t and N2t (Fig. 6).";
    resume_shared: Ratio = Ratio::from_ppm(250_000), Inferred, Zero,
    meaning: "Share of a virtual server's resume that is spent reading from the file server at the link rate; simultaneous readers share that rate.",
    evidence: "Needed by the six function cells of Fig. 7: 0.25 of 5.2 s makes 1.3 s, which two simultaneous resumes share.";
    start_shared: Span = Span::from_millis(400), Inferred, Zero,
    meaning: "Part of a real server's start that is spent reading from the file server (mounts, programs, data) at the link rate; simultaneous readers share that rate.",
    evidence: "Needed by the six target cells of Fig. 7 when they are compared with those of Fig. 6.";

    link_delay: Span = Span::from_nanos(100_000), Assumed, Zero,
    meaning: "Delay of a message from one server to another.",
    evidence: "Usual for one switched local network; 10 % more moves no published cell by 0.1 ms.";
    poll_pause: Span = Span::from_secs(1), Assumed, AboveZero,
    meaning: "Pause between two examinations of a server that is expected back.",
    evidence: "As often as the client tries; no published cell depends on it.";
    sync_grace: Span = Span::from_secs(3), Assumed, AboveZero,
    meaning: "How much later than due a sign of life of the acting manager may come before the other manager acts on its silence.",
    evidence: "Longer than one failed examination; no published cell depends on it.";
    join_wait: Span = Span::from_secs(1), Assumed, AboveZero,
    meaning: "How long a server that has just started waits for the members' answers before it takes its place unasked.",
    evidence: "Many message delays; no published cell depends on it.";
    examination_max: Span = Span::from_secs(10), Assumed, AboveZero,
    meaning: "Longest wait for the result of an examination.",
    evidence: "Five times the longest examination of Table 1; no published cell depends on it.";
    job_max: Span = Span::from_secs(120), Assumed, AboveZero,
    meaning: "Longest wait for the result of any other job.",
    evidence: "Twice the longest job of Table 1, a server restart; no published cell depends on it.";
    lease_term: Span = Span::from_secs(6), Assumed, AboveZero,
    meaning: "Guarded groups only: for how long a voter keeps a vote given.",
    evidence: "Shorter than the detection of a dead server and the resume of its virtual server together, so that nobody waits for it as a rule; the paper's protocol has no leases.";
    lease_margin: Span = Span::from_millis(600), Assumed, Zero,
    meaning: "Guarded groups only: by how much earlier than the voters count a holder must be through with what it leased.",
    evidence: "A tenth of the term, many times what clocks drift apart in it; the paper's protocol has no leases.";
    sighting_delay: Span = Span::from_millis(100), Assumed, AboveZero,
    meaning: "How soon a server that holds an address sees that another one within reach answers for it too, where servers look for that; and how often it sees it again.",
    evidence: "An address conflict shows with the first question for the address; the paper's system does not look for it.";
    report_delay: Span = Span::from_millis(50), Assumed, Zero,
    meaning: "How soon a server notices that its own services have stopped or are well again, where servers look for that.",
    evidence: "A service manager tells of the end of a process within milliseconds; the paper's system does not look for it.";
    fence: Span = Span::from_secs(1), Assumed, Zero,
    meaning: "Guarded groups only: from the order to a fencing device until it says that the power is off.",
    evidence: "A fence agent's log-in, order and question for the state; the paper's system has no such device.";
    address_claim: Span = Span::ZERO, Assumed, Zero,
    meaning: "How long a virtual server's host looks whether anybody answers for an address, before the virtual server gets it.",
    evidence: "Tetrarch's agents look for half a second or less, as RFC 5227 has it; the paper's system does not look.";
    virtual_server_suspend: Span = Span::from_millis(5_200), Assumed, Zero,
    meaning: "Suspension of a virtual server.",
    evidence: "As long as its resume, which moves the same memory; no published cell depends on it.";
    host_reserved: Megabytes = Megabytes(2048), Assumed, Zero,
    meaning: "Memory of a real server that no virtual server may use.",
    evidence: "As much as one server's function needs as a virtual server; no published cell depends on it.";
    client_access: Bytes = Bytes(10_000), Assumed, Zero,
    meaning: "Data that one access of the client moves.",
    evidence: "A small page; 10 % more moves no published cell by 0.1 ms.";
}
