#pragma once

#include <nlohmann/json.hpp>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace doorward::tests {

// handlers/openapi.json, as the server gives it, and what its suites want to know of it.

/// One operation of the description.
struct described_operation {
    std::string method; // "GET"
    std::string path;   // as it stands there: /v2/jobs/{jobId}
    std::string side;   // "office", "device" or "both"
    std::set<std::string> roles;
    std::string operators_right;
    const nlohmann::json* item; // of the path
    const nlohmann::json* what; // the operation itself

    [[nodiscard]] std::string id() const { return what->at("operationId").get<std::string>(); }
    /// The path as the tables of routes have it: /v2/jobs/{}
    [[nodiscard]] std::string pattern() const;
};

/// An example and the schema that it has to fit.
struct described_example {
    std::string name; // empty where there is one only
    const nlohmann::json* value;
    const nlohmann::json* schema;
};

/// The whole document.
[[nodiscard]] const nlohmann::json& description();
[[nodiscard]] const std::vector<described_operation>& described_operations();
/// The operation of this operationId. Throws when there is none.
[[nodiscard]] const described_operation& described(std::string_view operation_id);

/// What a reference inside the document points to, or the node itself. Throws when it points nowhere.
[[nodiscard]] const nlohmann::json& resolved(const nlohmann::json& node);
/// The examples of the first media type of a body, an answer, or nothing.
[[nodiscard]] std::vector<described_example> examples_of(const nlohmann::json& body_or_answer);

/// What is wrong with a value, by the part of JSON Schema 2020-12 that the document uses; empty when nothing is.
/// Members that an object does not name are wrong, unless it says what others are like.
[[nodiscard]] std::vector<std::string> faults_of(const nlohmann::json& value, const nlohmann::json& schema,
                                                 const std::string& place = {});

} // namespace doorward::tests
