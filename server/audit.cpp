#include "server/audit.hpp"
#include "crypto/encoding.hpp"
#include "handlers/checkpoint_json.hpp"
#include "handlers/json_writer.hpp"
#include "kv/blocking_commit.hpp"
#include "registry/audit_chain.hpp"
#include "server/config.hpp"
#include "server/master_key.hpp"
#include "server/store_builder.hpp"

#include <fstream>
#include <iterator>
#include <ostream>

namespace doorward::server {
namespace {

constexpr std::uintmax_t checkpoint_bytes_max = 4096;

std::runtime_error complaint(const std::filesystem::path& file, const char* what)
{
    return std::runtime_error{"checkpoint " + file.string() + ": " + what};
}

registry::checkpoint load_checkpoint(const std::filesystem::path& file, const std::string& public_key)
{
    const auto key = crypto::from_base64_sized<32>(public_key);
    if (!key)
        throw std::runtime_error{"the public key must be the Base64 text of 32 bytes"};
    std::ifstream stream{file, std::ios::binary};
    if (!stream)
        throw complaint(file, "cannot be read");
    std::string text(checkpoint_bytes_max, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    const auto out = handlers::read_checkpoint(text);
    if (!out)
        throw complaint(file, "is none");
    if (!registry::is_signed(*out, *key))
        throw complaint(file, "is not signed with this key");
    return *out;
}

void require_directory(const std::filesystem::path& data)
{
    if (!std::filesystem::is_directory(data))
        throw std::runtime_error{data.string() + " is no directory"};
}

std::string to_json(const registry::chain_report& report)
{
    handlers::json_writer out;
    out.object().member("status", report.fault ? "BROKEN" : "OK");
    if (report.fault)
        out.member("sequence", report.fault->sequence).member("reason", report.fault->what);
    out.member("events", report.sound.sequence).member("digest", crypto::to_hex(report.sound.digest));
    if (!report.fault)
        out.member("historyWithoutEvent", report.unknown_history);
    return out.end().text();
}

} // namespace

int verify_audit(const audit_options& wanted, std::ostream& out)
{
    std::vector<registry::event_place> known;
    if (!wanted.checkpoint.empty())
        known.push_back(load_checkpoint(wanted.checkpoint, wanted.public_key).upto);
    require_directory(wanted.data);
    look_at_store(wanted.data);
    const kv::env store{wanted.data, registry::tables::names};
    const auto report = store.view([&](const kv::read_txn& txn) {
        registry::require_store(txn, wanted.data);
        return registry::verify_chain(txn, known);
    });
    out << to_json(report) << '\n';
    return report.fault ? audit_broken : 0;
}

void write_audit_checkpoint(const audit_options& wanted, std::ostream& out)
{
    require_directory(wanted.data);
    look_at_store(wanted.data);
    const kv::env store{wanted.data, registry::tables::names};
    store.view([&](const kv::read_txn& txn) { registry::require_store(txn, wanted.data); });
    const auto key_file = wanted.master_key.empty() ? default_master_key(wanted.data) : wanted.master_key;
    const auto keys = store.view([&](const kv::read_txn& txn) { return open_store_keys(txn, key_file, wanted.data); });
    {
        kv::writer writer{store};
        registry::create_audit_key fresh{*keys.sealer};
        if (const auto ec = kv::blocking_commit(writer, fresh))
            throw std::runtime_error{"cannot keep the key of checkpoints: " + ec.message()};
    }
    const auto made = store.view([&](const kv::read_txn& txn) {
        return registry::make_checkpoint(registry::last_event(txn), registry::system_clock{}.now(),
                                         registry::find_audit_key(txn, *keys.sealer).value());
    });
    out << handlers::write_checkpoint(made) << '\n';
}

} // namespace doorward::server
