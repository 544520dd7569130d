#include "registry/backup.hpp"

#include <algorithm>
#include <numeric>

namespace doorward::registry {
namespace {

using crypto::byte;
using crypto::bytes;
using crypto::bytes_view;

// backup := head  part ...  end
// head   := "doorward" "backup" 0 0  container:u16=1  store_format:u8  taken_at:u64  last_event:u64  its digest:32
//           last_number:u64  tables:u8, each name_bytes:u8 name rows:u64
//           then its own size in bytes:u32 and digest:32, BLAKE2b-256 of all before
// part   := bytes:u32 (not 0)  table:u8 (its place in the head)  rows:u32  digest:32  rows
// row    := key_bytes:u16  record_bytes:u32  key  record
// end    := 0:u32  parts:u32  rows:u64  digest:32
// digest of a part := BLAKE2b-256( the digest before it  bytes  table  rows  the rows ), of the end likewise
constexpr std::string_view backup_magic{"doorwardbackup\0\0", 16};
constexpr std::uint16_t container_version = 1;
constexpr std::size_t digest_size = sizeof(crypto::digest32);
constexpr std::size_t fixed_head_bytes = backup_magic.size() + 2 + 1 + 8 + 8 + digest_size + 8 + 1;
constexpr std::size_t part_head_bytes = 4 + 1 + 4;
constexpr std::size_t end_bytes = 4 + 4 + 8;
constexpr std::size_t row_head_bytes = 2 + 4;
constexpr std::size_t table_name_most = 64;
constexpr std::size_t part_most = std::size_t{64} * 1024 * 1024; // no record is as large
constexpr std::uint64_t progress_rows = 50'000;

bytes encode_head(const backup_summary& what)
{
    bytes out;
    const auto add = [&out](bytes_view some) { crypto::append(out, some); };
    add(crypto::as_bytes(backup_magic));
    add(crypto::big_endian(container_version));
    out.push_back(what.store_format);
    add(crypto::big_endian(static_cast<std::uint64_t>(what.taken_at)));
    add(crypto::big_endian(what.last_event.sequence));
    add(what.last_event.digest);
    add(crypto::big_endian(what.last_number));
    out.push_back(static_cast<byte>(what.tables.size()));
    for (const auto& each : what.tables) {
        out.push_back(static_cast<byte>(each.table.size()));
        add(crypto::as_bytes(each.table));
        add(crypto::big_endian(each.rows));
    }
    return out;
}

// Gathers rows and sends them away in parts.
class part_writer {
public:
    part_writer(const backup_sink& to, const crypto::digest32& before) : to_{to}, digest_{before} { clear(); }

    void add(bytes_view key, bytes_view record)
    {
        crypto::append(buffer_, crypto::big_endian(static_cast<std::uint16_t>(key.size())));
        crypto::append(buffer_, crypto::big_endian(static_cast<std::uint32_t>(record.size())));
        crypto::append(buffer_, key);
        crypto::append(buffer_, record);
        ++rows_;
    }

    [[nodiscard]] bool is_full() const { return buffer_.size() >= backup_part_bytes; }

    std::uint64_t flush(std::size_t table)
    {
        if (rows_ == 0)
            return 0;
        // In front of the rows: what the digest covers beside them.
        std::ranges::copy(digest_, buffer_.begin());
        const auto head = part_head(buffer_.size() - front, table);
        std::ranges::copy(head, buffer_.begin() + digest_size);
        digest_ = crypto::blake2b<digest_size>(buffer_);
        to_(head);
        to_(digest_);
        to_(bytes_view{buffer_}.subspan(front));
        ++parts_;
        all_rows_ += rows_;
        const std::uint64_t size = part_head_bytes + digest_size + buffer_.size() - front;
        clear();
        return size;
    }

    [[nodiscard]] crypto::digest32 finish()
    {
        bytes end;
        crypto::append(end, crypto::big_endian(std::uint32_t{0}));
        crypto::append(end, crypto::big_endian(parts_));
        crypto::append(end, crypto::big_endian(all_rows_));
        bytes covered{digest_.begin(), digest_.end()};
        crypto::append(covered, end);
        const auto digest = crypto::blake2b<digest_size>(covered);
        to_(end);
        to_(digest);
        return digest;
    }

private:
    static constexpr std::size_t front = digest_size + part_head_bytes;

    [[nodiscard]] bytes part_head(std::size_t size, std::size_t table) const
    {
        bytes out;
        crypto::append(out, crypto::big_endian(static_cast<std::uint32_t>(size)));
        out.push_back(static_cast<byte>(table));
        crypto::append(out, crypto::big_endian(rows_));
        return out;
    }

    void clear()
    {
        buffer_.assign(front, 0);
        rows_ = 0;
    }

    const backup_sink& to_;
    crypto::digest32 digest_;
    bytes buffer_;
    std::uint32_t rows_ = 0;
    std::uint32_t parts_ = 0;
    std::uint64_t all_rows_ = 0;
};

[[noreturn]] void refuse_backup(const std::string& what)
{
    throw backup_fault{"the backup " + what};
}

} // namespace

std::uint64_t backup_summary::rows() const noexcept
{
    return std::accumulate(tables.begin(), tables.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const table_rows& each) { return sum + each.rows; });
}

backup_summary write_backup(const kv::read_txn& txn, time_ms now, const backup_sink& to,
                            const backup_progress& progress)
{
    backup_summary out;
    out.store_format = store_format;
    out.taken_at = now;
    out.last_event = last_event(txn);
    const auto last = txn.get(tables::meta, crypto::as_bytes(meta_key::last_number));
    if (!last || last->size() != 8)
        throw record_fault{"a store without its last number"};
    out.last_number = crypto::from_big_endian<registration_number>(*last);
    for (std::size_t i = 0; i < std::size(tables::names); ++i)
        out.tables.push_back({tables::names[i], txn.row_count(static_cast<kv::table>(i))});

    bytes head = encode_head(out);
    crypto::append(head, crypto::big_endian(static_cast<std::uint32_t>(head.size() + 4 + digest_size)));
    const auto head_digest = crypto::blake2b<digest_size>(head);
    crypto::append(head, head_digest);
    to(head);
    out.bytes = head.size();

    const std::uint64_t all = out.rows();
    std::uint64_t done = 0;
    part_writer parts{to, head_digest};
    for (std::size_t i = 0; i < out.tables.size(); ++i) {
        std::uint64_t rows = 0;
        txn.scan(static_cast<kv::table>(i), {}, [&](bytes_view key, bytes_view record) {
            parts.add(key, record);
            ++rows;
            if (parts.is_full())
                out.bytes += parts.flush(i);
            if (++done % progress_rows == 0 && progress)
                progress(done, all);
            return true;
        });
        out.bytes += parts.flush(i);
        if (rows != out.tables[i].rows)
            throw kv::damaged{"the table " + out.tables[i].table + " has another number of rows than it says"};
    }
    out.digest = parts.finish();
    out.bytes += end_bytes + digest_size;
    if (progress)
        progress(done, all);
    return out;
}

backup_reader::backup_reader(backup_source from) : from_{std::move(from)}
{
    const std::string place = "ends within its head";
    bytes head(fixed_head_bytes);
    if (from_(head) < backup_magic.size() ||
        crypto::as_text(bytes_view{head}.first(backup_magic.size())) != backup_magic)
        refuse_backup("is none");
    // What was read is believed once its digest fits; until then nothing of it is told.
    const auto more = [&](std::size_t size) {
        head.resize(head.size() + size);
        const auto added = std::span{head}.last(size);
        read_exactly(added, place);
        return bytes_view{added};
    };
    const bytes_view fixed{head};
    const auto container = crypto::from_big_endian<std::uint16_t>(fixed.subspan(backup_magic.size()));
    const bytes_view behind = fixed.subspan(backup_magic.size() + 2);
    summary_.store_format = behind[0];
    summary_.taken_at = crypto::from_big_endian<time_ms>(behind.subspan(1));
    summary_.last_event.sequence = crypto::from_big_endian<event_sequence>(behind.subspan(9));
    summary_.last_event.digest = crypto::take<digest_size>(behind.subspan(17));
    summary_.last_number = crypto::from_big_endian<registration_number>(behind.subspan(17 + digest_size));
    for (auto left = behind[25 + digest_size]; left > 0; --left) {
        const std::size_t size = more(1)[0];
        if (size == 0 || size > table_name_most)
            refuse_backup("has a head that is damaged");
        std::string name{crypto::as_text(more(size))};
        summary_.tables.push_back({std::move(name), crypto::from_big_endian<std::uint64_t>(more(8))});
    }
    const auto size = crypto::from_big_endian<std::uint32_t>(more(4));
    const auto wanted = crypto::blake2b<digest_size>(head);
    crypto::digest32 found{};
    read_exactly(found, place);
    if (found != wanted || size != head.size() + digest_size)
        refuse_backup("has a head that is damaged");
    if (container != container_version)
        refuse_backup("was written by another doorward, in a form that this one does not know");
    digest_ = found;
    summary_.bytes = head.size() + digest_size;
    rows_read_.assign(summary_.tables.size(), 0);
}

void backup_reader::read_exactly(std::span<byte> into, const std::string& what)
{
    if (from_(into) != into.size())
        refuse_backup(what);
}

void backup_reader::visit_part(bytes_view rows, std::uint32_t count, std::size_t table, const std::string& name,
                               const row_visitor& visit)
{
    for (; count > 0; --count) {
        if (rows.size() < row_head_bytes)
            break;
        const std::size_t key_size = crypto::from_big_endian<std::uint16_t>(rows);
        const std::size_t record_size = crypto::from_big_endian<std::uint32_t>(rows.subspan(2));
        rows = rows.subspan(row_head_bytes);
        if (key_size == 0 || key_size > kv::key_bytes_max || rows.size() < key_size + record_size)
            refuse_backup("has a row that is none in " + name);
        const auto key = rows.first(key_size);
        if (table < last_table_ || (table == last_table_ && !std::ranges::lexicographical_compare(last_key_, key)))
            refuse_backup("has rows out of order in " + name);
        last_table_ = table;
        last_key_.assign(key.begin(), key.end());
        visit(summary_.tables[table].table, key, rows.subspan(key_size, record_size));
        rows = rows.subspan(key_size + record_size);
        ++rows_read_[table];
    }
    if (count != 0 || !rows.empty())
        refuse_backup("has other rows than it says in " + name);
}

void backup_reader::read_rows(const row_visitor& visit, const std::function<void()>& end_of_part)
{
    constexpr std::size_t front = digest_size + part_head_bytes;
    bytes buffer;
    for (std::uint32_t parts = 0;; ++parts) {
        buffer.assign(digest_.begin(), digest_.end());
        buffer.resize(front);
        std::string name = "part " + std::to_string(parts + 1);
        read_exactly(std::span{buffer}.subspan(digest_size, 4), "ends before its " + name);
        const auto size = crypto::from_big_endian<std::uint32_t>(bytes_view{buffer}.subspan(digest_size));
        if (size == 0) {
            buffer.resize(digest_size + end_bytes);
            read_exactly(std::span{buffer}.subspan(digest_size + 4), "ends within its end");
            crypto::digest32 found{};
            read_exactly(found, "ends within its end");
            const bytes_view told = bytes_view{buffer}.subspan(digest_size + 4);
            const bool fits = found == crypto::blake2b<digest_size>(buffer) &&
                              crypto::from_big_endian<std::uint32_t>(told) == parts &&
                              crypto::from_big_endian<std::uint64_t>(told.subspan(4)) == summary_.rows();
            if (!fits)
                refuse_backup("is damaged in its end, or where " + name + " should begin");
            for (std::size_t i = 0; i < rows_read_.size(); ++i) {
                if (rows_read_[i] != summary_.tables[i].rows)
                    refuse_backup("has other rows than it says in the table " + summary_.tables[i].table);
            }
            byte one_more = 0;
            if (from_({&one_more, 1}) != 0)
                refuse_backup("goes on behind its end");
            summary_.digest = found;
            summary_.bytes += end_bytes + digest_size;
            return;
        }
        read_exactly(std::span{buffer}.subspan(digest_size + 4, part_head_bytes - 4), "ends within its " + name);
        const std::size_t table = buffer[digest_size + 4];
        const auto count = crypto::from_big_endian<std::uint32_t>(bytes_view{buffer}.subspan(digest_size + 5));
        if (table < summary_.tables.size())
            name += ", table " + summary_.tables[table].table;
        if (size > part_most)
            refuse_backup("is damaged in the head of its " + name);
        crypto::digest32 found{};
        read_exactly(found, "ends within its " + name);
        buffer.resize(front + size);
        read_exactly(std::span{buffer}.subspan(front), "ends within its " + name + ", or is damaged in its head");
        if (found != crypto::blake2b<digest_size>(buffer) || table >= summary_.tables.size())
            refuse_backup("is damaged in its " + name);
        digest_ = found;
        summary_.bytes += part_head_bytes + digest_size + size;
        visit_part(bytes_view{buffer}.subspan(front), count, table, name, visit);
        if (end_of_part)
            end_of_part();
    }
}

} // namespace doorward::registry
