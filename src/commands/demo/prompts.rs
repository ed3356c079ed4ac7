//! The prompts of the walkthrough: easy and hard ones, each both short and long, over several tasks.

/// One prompt and what a person would say of it.
pub(super) struct DemoPrompt {
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
}

pub(super) const PROMPTS: [DemoPrompt; 8] = [
    DemoPrompt { kind: "easy, short", text: "Hi there! How is your day going?" },
    DemoPrompt { kind: "easy, short", text: "What is the capital of Portugal?" },
    DemoPrompt { kind: "easy, short", text: "Write a Python function that reverses a string." },
    DemoPrompt {
        kind: "easy, long",
        text: "Translate this note into Spanish: Dear neighbours, on Saturday afternoon we are having a small birthday party \
               for our daughter in the garden behind the house. It starts at three o'clock and will be over by seven. There \
               will be cake, coffee, lemonade and some music, but we promise to keep it low. If it bothers you, please \
               knock on our door and tell us. You are of course very welcome to come by for a slice of cake and to say \
               hello. We will park our own cars down the street so that the places in front of the building stay free \
               for everybody. The children may run up and down the stairs a few times; we are sorry about that already. \
               Thank you very much for your patience, and have a lovely weekend.",
    },
    DemoPrompt { kind: "hard, short", text: "Prove that there are infinitely many primes congruent to 3 modulo 4." },
    DemoPrompt {
        kind: "hard, short",
        text: "Design a lock-free multi-producer queue with hazard pointers and prove it linearizable.",
    },
    DemoPrompt {
        kind: "hard, long",
        text: "We run a payment ledger on a single PostgreSQL primary with two asynchronous replicas. It takes 4,000 \
               transfers a second at peak, each of which debits one account and credits another, and regulators require \
               that no transfer is ever lost or applied twice. We must now serve a second region that is 80 ms away, \
               survive the loss of either region without manual work, and keep the 99th percentile of a transfer below \
               250 ms. Some accounts are very hot: one of them takes part in a fifth of all transfers. Propose an \
               architecture, compare it with the two most serious alternatives, derive the consistency guarantees that \
               each gives under partition, show where idempotency keys and fencing tokens are needed, work out the \
               throughput limit that the hot account imposes, and give a migration plan without downtime together with \
               the invariants you would check at every step.",
    },
    DemoPrompt {
        kind: "hard, short",
        text: "Derive the gradient of layer normalisation and explain when its numerical evaluation becomes unstable.",
    },
];
