#include "tests/storage_support.hpp"
#include "kv/env.hpp"
#include "registry/tables.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ostream>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace doorward::tests {
namespace {

[[noreturn]] void fail_test(const std::string& what)
{
    throw std::runtime_error{what};
}

bool draw(std::mt19937_64& random)
{
    return random() % 2 == 0;
}

void put(std::string& content, std::uint64_t offset, std::string_view data)
{
    if (content.size() < offset + data.size())
        content.resize(offset + data.size());
    std::ranges::copy(data, content.begin() + static_cast<std::ptrdiff_t>(offset));
}

// Writes that part of `data` that lies within `content`, each beginning at an offset of its own.
void put_overlap(std::string& content, std::uint64_t content_at, std::string_view data, std::uint64_t data_at)
{
    const auto first = std::max(content_at, data_at);
    const auto end = std::min(content_at + content.size(), data_at + data.size());
    if (first < end)
        put(content, first - content_at, data.substr(first - data_at, end - first));
}

// Writes those sectors of a write that `chosen` wants.
template <class Chosen>
void put_sectors(std::string& content, std::uint64_t offset, std::string_view data, Chosen chosen)
{
    while (!data.empty()) {
        const auto size = std::min<std::uint64_t>(sector - offset % sector, data.size());
        if (chosen())
            put(content, offset, data.substr(0, size));
        offset += size;
        data.remove_prefix(size);
    }
}

void put_by_chance(std::string& content, std::uint64_t offset, std::string_view data, std::mt19937_64& random)
{
    switch (random() % 4) {
    case 0:
        break;
    case 1:
        put(content, offset, data);
        break;
    case 2: {
        auto left = random() % (data.size() / sector + 1);
        put_sectors(content, offset, data, [&] { return left > 0 && left-- > 0; });
        break;
    }
    default:
        put_sectors(content, offset, data, [&] { return draw(random); });
    }
}

} // namespace

// --- the disk

watched_storage::watched_storage()
{
    const auto file = home_.path() / shim_control_file;
    write_file(file, std::string(sizeof(storage_control), '\0'));
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
    void* const shared = ::mmap(nullptr, sizeof(storage_control), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    ::close(descriptor);
    if (shared == MAP_FAILED)
        fail_test("cannot map " + file.string());
    control_ = static_cast<storage_control*>(shared);
    reset();
}

watched_storage::~watched_storage()
{
    ::munmap(control_, sizeof(storage_control));
}

std::vector<std::string> watched_storage::environment() const
{
    // The runtime of the address sanitizer wants to be the first library unless it is told otherwise.
    const char* const options = std::getenv("ASAN_OPTIONS"); // NOLINT(concurrency-mt-unsafe): nothing changes it
    return {std::string{"LD_PRELOAD="} + DOORWARD_STORAGE_SHIM,
            std::string{shim_directory_variable} + '=' + home_.path().string(),
            std::string{"ASAN_OPTIONS="} + (options == nullptr ? "" : options) + ":verify_asan_link_order=0"};
}

std::vector<storage_entry> watched_storage::record() const
{
    const std::string content = read_file(home_.path() / shim_record_file);
    std::vector<storage_entry> out;
    for (std::size_t at = 0; at < content.size();) {
        storage_entry entry{};
        if (content.size() - at < sizeof entry.head)
            fail_test("the record ends within an entry");
        std::memcpy(&entry.head, content.data() + at, sizeof entry.head);
        at += sizeof entry.head;
        if (content.size() - at < entry.head.size)
            fail_test("the record ends within an entry");
        entry.data = content.substr(at, entry.head.size);
        at += entry.head.size;
        out.push_back(std::move(entry));
    }
    return out;
}

void watched_storage::reset() const
{
    write_file(home_.path() / shim_record_file, "");
    for (auto* number : {&control_->recorded, &control_->begun, &control_->faults, &control_->capacity_bytes})
        number->store(0);
    control_->cannot_reserve.store(false);
    fail(0, 0, 0, fault_kind::before);
}

void watched_storage::fail(std::uint64_t first, std::uint64_t last, int error, fault_kind how) const
{
    control_->fault_errno.store(error);
    control_->fault.store(how);
    control_->fault_last.store(last);
    control_->fault_first.store(first);
}

void disk_model::happen(const storage_entry& entry, std::mt19937_64& random)
{
    switch (entry.head.what) {
    case storage_action::write:
    case storage_action::synced_write:
        if (entry.head.what == storage_action::synced_write && entry.head.failed == 0) {
            put(durable_, entry.head.offset, entry.data);
            for (cached_write& older : cached_) // is not to come back over it
                put_overlap(older.data, older.offset, entry.data, entry.head.offset);
        } else if (!entry.data.empty()) {
            cached_.push_back({entry.head.offset, entry.data});
        }
        return;
    case storage_action::flush:
        for (const cached_write& each : cached_) {
            if (entry.head.failed != 0)
                put_by_chance(durable_, each.offset, each.data, random);
            else
                put(durable_, each.offset, each.data);
        }
        cached_.clear();
        return;
    case storage_action::reserve:
        return;
    case storage_action::resize:
        break;
    }
    fail_test("the store's file was resized, which the model of the disk does not know");
}

std::string disk_model::after_power_loss(loss how, std::mt19937_64& random) const
{
    std::string out = durable_;
    if (how == loss::anything) {
        for (const cached_write& each : cached_)
            put_by_chance(out, each.offset, each.data, random);
    }
    return out;
}

std::string disk_model::as_seen() const
{
    std::string out = durable_;
    for (const cached_write& each : cached_)
        put(out, each.offset, each.data);
    return out;
}

// --- books

std::ostream& operator<<(std::ostream& out, const known_state& what)
{
    return out << what.status << " with " << what.failed << " failed attempts, " << what.state_changes
               << " rows of history and version " << what.version;
}

known_state stored_state(office_client& office, const std::string& id)
{
    const auto detail = office.detail(id);
    return {detail.at("registrationStatus").get<std::string>(), detail.at("failedAttempts").get<int>(),
            office.history(id).size(), detail.at("version").get<std::uint64_t>()};
}

known_state after(known_state before, deed what)
{
    const bool active = before.status == "ACTIVE";
    const auto move = [&](std::string_view to) {
        before.status = to;
        ++before.state_changes;
        ++before.version;
    };
    if (before.status == "REMOVED")
        return before;
    switch (what) {
    case deed::right_proof:
        if (active) {
            before.failed = 0;
            ++before.version;
        }
        break;
    case deed::wrong_proof:
        if (active && ++before.failed == max_failed_default)
            move("BLOCKED");
        else if (active)
            ++before.version;
        break;
    case deed::block:
        if (active)
            move("BLOCKED");
        break;
    case deed::unblock:
        if (!active) {
            before.failed = 0;
            move("ACTIVE");
        }
        break;
    case deed::remove:
        move("REMOVED");
        break;
    }
    return before;
}

std::vector<known_state> booked_phone::possible(std::uint64_t position) const
{
    std::vector<known_state> out{first};
    for (const booked_deed& each : deeds) {
        if (each.sent >= position)
            break;
        std::vector<known_state> then;
        for (const known_state& before : out)
            then.push_back(after(before, each.what));
        if (!each.answered || *each.answered > position)
            then.insert(then.end(), out.begin(), out.end());
        out.clear();
        for (known_state& each_state : then) {
            if (std::ranges::find(out, each_state) == out.end())
                out.push_back(std::move(each_state));
        }
    }
    return out;
}

outcome booked_phone::act(deed what, bench::http_client& device_side, const watched_storage& disk)
{
    booked_deed done{what, disk.position()};
    int status = 0;
    const auto before = possible();
    try {
        const std::string path = "/v2/registrations/" + id();
        switch (what) {
        case deed::right_proof:
        case deed::wrong_proof:
            ++unheard;
            done.proof = phone.make_validate_request(bench::signature_type::possession_knowledge,
                                                     what == deed::right_proof ? right_pin : wrong_pin);
            status = device_side.request(*done.proof).status;
            break;
        case deed::block:
        case deed::unblock:
            status = office.ask("PUT", path, json{{"change", what == deed::block ? "BLOCK" : "UNBLOCK"}}).status;
            break;
        case deed::remove:
            status = office.ask("DELETE", path).status;
            break;
        }
    } catch (const std::exception&) {
        deeds.push_back(std::move(done));
        return outcome::no_answer;
    }
    if (status >= 500) {
        deeds.push_back(std::move(done));
        return status == 507 ? outcome::no_room : outcome::error;
    }

    done.answered = disk.position();
    const auto expected = [&](const known_state& in) {
        const bool refused = done.proof && (what == deed::wrong_proof || in.status != "ACTIVE");
        return status == (refused ? 401 : 200);
    };
    if (std::ranges::none_of(before, expected))
        surprises.push_back("deed " + std::to_string(static_cast<int>(what)) + " was answered " +
                            std::to_string(status));
    done.accepted = done.proof && status == 200;
    if (done.accepted)
        unheard = 0;
    deeds.push_back(std::move(done));
    return outcome::answered;
}

std::vector<std::string> compare(const booked_phone& book, std::uint64_t position, const scene& bank,
                                 office_client& office)
{
    std::vector<std::string> out;
    const auto complain = [&](const auto&... words) {
        std::ostringstream text;
        text << book.id() << ": ";
        (text << ... << words);
        out.push_back(text.str());
    };
    for (const std::string& surprise : book.surprises)
        complain(surprise);
    const auto stored = stored_state(office, book.id());
    const auto possible = book.possible(position);
    if (std::ranges::find(possible, stored) == possible.end())
        complain("stored is ", stored, "; at most possible was ", possible.front(), "; at least ", possible.back());
    if (office.history(book.id()).back().at("registrationStatus") != stored.status)
        complain("the history ends in another state than ", stored);

    // What was accepted, and the last refusal if nothing came after it, sent once more.
    bench::http_client device_side{bank.server.device_url()};
    const booked_deed* last = nullptr;
    const booked_deed* accepted = nullptr;
    for (const booked_deed& each : book.deeds) {
        if (each.answered && *each.answered <= position) {
            last = &each;
            accepted = each.accepted ? &each : accepted;
        }
    }
    if (accepted != nullptr && device_side.request(*accepted->proof).status != 401)
        complain("a proof was accepted twice");
    const bool is_open = last != nullptr && last->what == deed::wrong_proof && possible.back() == stored;
    if (is_open && device_side.request(*last->proof).status != 401)
        complain("a refused proof was accepted");
    if (const auto then = stored_state(office, book.id()); then != stored)
        complain("proofs that were sent before made ", then, " of ", stored);
    return out;
}

void read_every_row(const std::filesystem::path& directory)
{
    const kv::env store{directory, registry::tables::names};
    store.view([&](const kv::read_txn& txn) {
        for (std::size_t i = 0; i < std::size(registry::tables::names); ++i) {
            const auto each = static_cast<kv::table>(i);
            std::size_t rows = 0;
            crypto::bytes last;
            crypto::bytes content; // copied, so that every page is touched
            txn.scan(each, {}, [&](crypto::bytes_view key, crypto::bytes_view value) {
                if (rows > 0 && !std::ranges::lexicographical_compare(last, key))
                    fail_test(std::string{"keys out of order in "} + registry::tables::names[i]);
                last.assign(key.begin(), key.end());
                content.assign(value.begin(), value.end());
                ++rows;
                return true;
            });
            if (rows != txn.row_count(each))
                fail_test(std::string{"rows are missing in "} + registry::tables::names[i]);
        }
    });
}

} // namespace doorward::tests
