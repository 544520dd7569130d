#pragma once

#include "registry/counters.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

namespace doorward::registry {

/// The digests of the proofs that were counted as failures since the last reset, oldest first: one for each, 0 for
/// those that have none. So that the phone's HTTP stack may send a refused proof again and have it counted once.
///
/// It follows the attempt word without being swapped with it. Whoever counts holds it alone meanwhile; a reset does not
/// touch it and only ever puts the count to 0, so a list longer than the count is left over from before a reset.
/// threads  one at a time: the mutex of attempt_slot
class refused_proofs {
public:
    refused_proofs() = default;
    /// version  of the word that the last entry made; 0 when no caller can hold an earlier word
    explicit refused_proofs(std::vector<proof_digest> oldest_first, std::uint64_t version = 0) noexcept
        : list_{std::move(oldest_first)}, version_{version}
    {}

    /// So that counting as many allocates nothing.
    void reserve(std::size_t count) { list_.reserve(count); }

    /// Before a proof is counted against the present word, or found here: lets go what does not belong to it.
    void follow(attempt_word now) noexcept
    {
        if (list_.size() > now.failed())
            list_.clear();
        list_.resize(now.failed()); // failures without a digest (a one-time password, an older record) count as 0
    }

    /// Was this proof counted already? After follow().
    [[nodiscard]] bool contains(proof_digest proof) const noexcept
    {
        return std::ranges::find(list_, proof) != list_.end();
    }

    /// One more was counted, by the swap to `after`. After follow() and a won swap.
    void add(attempt_word after, proof_digest proof)
    {
        list_.push_back(proof);
        version_ = after.version();
        assert(list_.size() == after.failed() || after.current() == state::blocked);
    }

    /// Those that belong to a word. Empty when a later refusal has changed the list.
    [[nodiscard]] std::vector<proof_digest> of(attempt_word word) const
    {
        if (version_ > word.version() || list_.size() > word.failed())
            return {};
        return list_;
    }

    /// All, as they are.
    [[nodiscard]] const std::vector<proof_digest>& list() const noexcept { return list_; }
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

private:
    std::vector<proof_digest> list_;
    std::uint64_t version_ = 0; // of the word that the last entry made
};

} // namespace doorward::registry
