#pragma once

#include "tests/process_support.hpp"
#include "tests/storage_shim.hpp"

#include <span>

namespace doorward::tests {

// What the tests of the disk share: the shim around a server's store, a model of what a disk keeps without power, and
// books that say what must and what may be in a store.

// --- the disk

struct storage_entry {
    entry_head head;
    std::string data;
};

/// The shim of the servers that are started with `environment`; one server at a time.
class watched_storage {
public:
    watched_storage();
    watched_storage(const watched_storage&) = delete;
    watched_storage& operator=(const watched_storage&) = delete;
    ~watched_storage();

    /// For server_process::set_environment.
    [[nodiscard]] std::vector<std::string> environment() const;
    [[nodiscard]] storage_control& control() const noexcept { return *control_; }

    /// How many operations are in the record.
    ///
    /// What a server tells after its disk did something is heard after the position has passed that. So a position that
    /// is read before a request is sent is before all that the request causes, and one that is read after its answer
    /// is behind all that the answer relies on.
    [[nodiscard]] std::uint64_t position() const noexcept
    {
        return control_->recorded.load(std::memory_order_acquire); // acquire: the entries are in the file
    }

    /// All that happened so far, also when the server was killed.
    [[nodiscard]] std::vector<storage_entry> record() const;

    /// Forgets the record and every fault; no server may be running.
    void reset() const;

    /// Fails operations `first` to `last`, counted from 1 since the reset.
    void fail(std::uint64_t first, std::uint64_t last, int error, fault_kind how) const;

private:
    temporary_directory home_;
    storage_control* control_ = nullptr;
};

/// What power loss leaves of the writes that were not flushed.
enum class loss {
    everything, // none of them
    anything    // each as a whole, not at all, its beginning, or any of its sectors
};

/// A file on a disk with a volatile cache.
///
/// A write is in the cache until the next successful flush; what was written through O_DSYNC without an error is on the
/// disk at once, alone. A failed flush empties the cache as a kernel does that drops the pages it could not write: what
/// of them reached the disk is chance, and no later flush makes up for it.
class disk_model {
public:
    explicit disk_model(std::string content) : durable_{std::move(content)} {}

    /// The next operation of a record. Throws std::runtime_error for one that the model does not know.
    void happen(const storage_entry& entry, std::mt19937_64& random);

    /// What would be found if the power failed now.
    [[nodiscard]] std::string after_power_loss(loss how, std::mt19937_64& random) const;
    /// What the server sees now.
    [[nodiscard]] std::string as_seen() const;

private:
    struct cached_write {
        std::uint64_t offset;
        std::string data;
    };

    std::string durable_;
    std::vector<cached_write> cached_; // in their order
};

// --- books

/// What can be known of a registration from the answers about it.
struct known_state {
    std::string status;
    int failed = 0;
    std::size_t state_changes = 0; // rows of history
    std::uint64_t version = 0;     // of the attempt word

    bool operator==(const known_state&) const = default;
};
std::ostream& operator<<(std::ostream& out, const known_state& what);

/// As the server tells it.
[[nodiscard]] known_state stored_state(office_client& office, const std::string& id);

enum class deed { right_proof, wrong_proof, block, unblock, remove };
[[nodiscard]] known_state after(known_state before, deed what);

inline constexpr int max_failed_default = 5;
/// Counter values that a phone may use up before the server has to follow: far enough from the window's end that
/// unanswered proofs do not matter.
inline constexpr int unheard_max = 12;
inline constexpr std::uint64_t far_future = ~std::uint64_t{0};

/// One thing that was done about a phone, and when, as positions in a record.
struct booked_deed {
    deed what;
    std::uint64_t sent;
    std::optional<std::uint64_t> answered{}; // none: no answer, or an error
    std::optional<http_request> proof{};
    bool accepted = false;
};

enum class outcome { answered, no_room, error, no_answer };

/// One phone, driven by one thread, and all that was done about it.
struct booked_phone {
    bench::device phone;
    office_client office;
    known_state first{};
    std::vector<booked_deed> deeds{};
    std::vector<std::string> surprises{}; // answers that no order of events explains
    int unheard = 0;

    [[nodiscard]] const std::string& id() const { return phone.activation_id(); }

    /// The states that the store may have at a position: all that was answered before it has happened, and of what was
    /// sent before it and not answered any part.
    [[nodiscard]] std::vector<known_state> possible(std::uint64_t position = far_future) const;

    /// Does one thing and books it.
    outcome act(deed what, bench::http_client& device_side, const watched_storage& disk);
};

/// What a running server tells about a phone, compared with its book at a position: the state, that no accepted proof
/// is accepted again, that a refused one is not counted twice. Empty: all is well.
[[nodiscard]] std::vector<std::string> compare(const booked_phone& book, std::uint64_t position, const scene& bank,
                                               office_client& office);

/// Opens a store that no server uses and reads every row of every table. Throws when something cannot be read.
void read_every_row(const std::filesystem::path& directory);

} // namespace doorward::tests
