#include "manual.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "config_file.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

std::string roff(const std::string& text) {
  std::string escaped;
  bool at_start = true;
  for (const char letter : text) {
    if (at_start && (letter == '.' || letter == '\'')) escaped += "\\&";
    if (letter == '\\')
      escaped += "\\e";
    else if (letter == '-')
      escaped += "\\-";
    else
      escaped += letter;
    at_start = letter == '\n';
  }
  return escaped;
}

std::string in_capitals(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char letter) { return std::toupper(letter); });
  return text;
}

// As the command line names them, positionals last; without what is hidden.
std::vector<const CLI::Option*> shown_options(const CLI::App& app) {
  auto options = app.get_options([](const CLI::Option* option) { return !option->get_group().empty(); });
  std::stable_partition(options.begin(), options.end(),
                        [](const CLI::Option* option) { return option->nonpositional(); });
  return options;
}

bool takes_value(const CLI::Option& option) { return option.nonpositional() && option.get_expected_min() > 0; }

std::string option_entry(const CLI::Option& option) {
  std::string entry = ".TP\n";
  if (option.nonpositional())
    entry += "\\fB" + roff(option.get_name(false, true)) + "\\fR";
  else
    entry += "\\fI" + roff(option.get_name(true)) + "\\fR";
  if (takes_value(option)) entry += " \\fI" + roff(option.get_type_name()) + "\\fR";
  entry += '\n' + roff(option.get_description());
  if (!option.get_default_str().empty()) entry += fmt::format(" (default: {})", roff(option.get_default_str()));
  return entry + '\n';
}

std::string verb_section(const CLI::App& verb, const std::string& above) {
  const auto name = above + verb.get_name();
  std::string text = ".SS " + roff(name) + '\n' + roff(verb.get_description()) + '\n';
  for (const auto* option : shown_options(verb))
    if (option != verb.get_help_ptr()) text += option_entry(*option);
  for (const auto* below : verbs_of(verb))
    text += verb_section(*below, name + ' ');
  return text;
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : shown_options(app))
    for (const auto& name : option->get_lnames())
      names.push_back("--" + name);
  return names;
}

// "TEXT:{process,power}" and "text|json" name the words that an option takes.
std::vector<std::string> words_of(const CLI::Option& option) {
  auto type = option.get_type_name();
  char between = '|';
  if (const auto open = type.find('{'), close = type.find('}'); open < close && close != std::string::npos) {
    type = type.substr(open + 1, close - open - 1);
    between = ',';
  } else if (type.find('|') == std::string::npos) {
    return {};
  }
  std::vector<std::string> words;
  std::istringstream in(type);
  for (std::string word; std::getline(in, word, between);)
    words.push_back(word);
  return words;
}

void add_values(const CLI::App& app, std::string& cases) {
  for (const auto* option : shown_options(app))
    if (takes_value(*option) && !option->get_lnames().empty()) {
      const auto words = words_of(*option);
      cases += fmt::format("    --{}) COMPREPLY=($({} -- \"$cur\")); return ;;\n", option->get_lnames().front(),
                           words.empty() ? "compgen -f" : "compgen -W '" + joined(words) + '\'');
    }
  for (const auto* verb : verbs_of(app))
    add_values(*verb, cases);
}

}  // namespace

std::string manual_page(const CLI::App& app) {
  const auto name = app.get_name();
  const auto verbs = verbs_of(app);
  std::string text = fmt::format(".TH {} 1 \"\" \"trainbus {}\" \"trainbus\"\n.SH NAME\n{} \\- {}\n",
                                 roff(in_capitals(name)), version(), roff(name), roff(app.get_description()));
  text += fmt::format(".SH SYNOPSIS\n\\fB{}\\fR [\\fIoption\\fR ...]{}\n", roff(name),
                      verbs.empty() ? "" : " [\\fIverb\\fR [\\fIoption\\fR ...]]");
  text += ".SH OPTIONS\n";
  for (const auto* option : shown_options(app))
    text += option_entry(*option);
  if (!verbs.empty()) text += ".SH VERBS\n";
  for (const auto* verb : verbs)
    text += verb_section(*verb, "");
  if (!app.get_footer().empty()) text += ".SH NOTES\n.nf\n" + roff(app.get_footer()) + "\n.fi\n";
  return text +
         ".SH EXIT STATUS\n0: done. 1: it went wrong, a line on standard error says how. 2: options or the "
         "configuration file make no sense.\n.SH SEE ALSO\n\\fBtrainbus\\-broker\\fR(1), \\fBtrainbus\\-ctl\\fR(1), "
         "\\fBtrainbus\\-keys\\fR(1)\n";
}

std::string bash_completion(const CLI::App& app) {
  const auto name = app.get_name();
  std::string function = '_' + name;
  std::ranges::replace(function, '-', '_');
  std::vector<std::string> verbs;
  std::string options_of_verbs;
  for (const auto* verb : verbs_of(app)) {
    verbs.push_back(verb->get_name());
    auto names = option_names(*verb);
    for (const auto* below : verbs_of(*verb)) {
      names.push_back(below->get_name());
      std::ranges::move(option_names(*below), std::back_inserter(names));
    }
    options_of_verbs += fmt::format("    {}) words='{}' ;;\n", verb->get_name(), joined(names));
  }
  std::string values;
  add_values(app, values);
  const auto pattern = verbs.empty() ? std::string("'')") : fmt::format("{})", fmt::join(verbs, "|"));
  return fmt::format(R"(# bash completion of {0}; written by {0} --bash-completion
{1}() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} verb='' words word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $word in {2} verb=$word; break ;; esac
  done
  case $prev in
{3}  esac
  case $verb in
{4}    *) words='{5} {6}' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  [[ $cur != -* && ${{#COMPREPLY[@]}} -eq 0 ]] && COMPREPLY=($(compgen -f -- "$cur"))
}}
complete -o filenames -F {1} {0}
)",
                     name, function, pattern, values, options_of_verbs, joined(verbs), joined(option_names(app)));
}

}  // namespace trainbus
