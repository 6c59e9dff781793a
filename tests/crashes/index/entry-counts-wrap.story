Found by the target `index` after 266,372 inputs. An index whose lists claim so many entries that
their sum is more than 64 bits hold: `Index::entries` panicked where additions are checked, and
wrapped round to a small or large number elsewhere, by which the gate's limit for lost entries could
be passed. Now refused when the index is opened. The index is the seed `everything` with a few
bytes changed; most of its 11 kB are its numbering plan.
