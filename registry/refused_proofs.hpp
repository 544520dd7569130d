#pragma once

#include "registry/counters.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

namespace doorward::registry {

/// The failures since the last reset: so that the phone's HTTP stack may send a refused proof again and have it counted
/// once, and so that they can be counted by kind and age.
///
/// It follows the attempt word without being swapped with it. Whoever counts holds it alone meanwhile; a reset does not
/// touch it and only ever puts the count to 0, so a list longer than the count is left over from before a reset.
/// threads  one at a time: the mutex of attempt_slot
class refused_proofs {
public:
    refused_proofs() = default;
    /// version  of the word that the last entry made; 0 when no caller can hold an earlier word
    explicit refused_proofs(failures since_reset, std::uint64_t version = 0) noexcept
        : known_{std::move(since_reset)}, version_{version}
    {}

    /// So that add() allocates nothing. Room grows with the failures: most registrations never come near their limit.
    void make_room()
    {
        if (known_.list.size() == known_.list.capacity())
            known_.list.reserve(std::max(room_min, 2 * known_.list.size()));
    }

    /// Before a proof is counted against the present word, or found here: lets go what does not belong to it.
    void follow(attempt_word now) noexcept
    {
        if (known_.list.size() > now.failed()) {
            known_.list.clear();
            known_.blocks = 0;
        }
        if (now.failed() == 0)
            known_.blocks = 0;
        known_.list.resize(now.failed()); // nobody wrote down more of them: a one-time password, an older record
    }

    /// Was this proof counted already? After follow().
    [[nodiscard]] bool contains(proof_digest proof) const noexcept
    {
        return std::ranges::find(known_.list, proof, &failure::digest) != known_.list.end();
    }

    /// One more was counted, by the swap to `after`; those that had aged are forgotten. After follow() and a won swap.
    ///
    /// blocks  temporary ones in a row by now
    void add(attempt_word after, const failure& more, std::size_t aged = 0, std::uint8_t blocks = 0)
    {
        known_.list.erase(known_.list.begin(), known_.list.begin() + static_cast<std::ptrdiff_t>(aged));
        known_.list.push_back(more);
        known_.blocks = blocks;
        version_ = after.version();
        assert(known_.list.size() == after.failed() || after.current() != state::active);
    }

    /// Fewer are left, by the swap to `after`. After follow() and a won swap.
    void replace(attempt_word after, failures left)
    {
        known_ = std::move(left);
        version_ = after.version();
        assert(known_.list.size() == after.failed());
    }

    /// Those that belong to a word. Empty when a later refusal has changed the list.
    [[nodiscard]] failures of(attempt_word word) const
    {
        if (version_ > word.version() || known_.list.size() > word.failed())
            return {};
        return known_;
    }

    /// All, as they are.
    [[nodiscard]] const failures& known() const noexcept { return known_; }
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

private:
    static constexpr std::size_t room_min = 4; // failures

    failures known_;
    std::uint64_t version_ = 0; // of the word that the last entry made
};

} // namespace doorward::registry
