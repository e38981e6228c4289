#pragma once
// Trainers that the broker lists no longer: it is asked whether they are archived, or deleted from its journal.

namespace trainbus {

struct Site;

// To be called when a list of the broker has come. A few are asked for at a time.
void look_for_unlisted(Site& site);

}  // namespace trainbus
