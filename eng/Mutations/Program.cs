using System.Globalization;
using Engine.Mutations;

// Mutation testing: how many small mistakes, planted in src/Engine at random, the tests of tests/Engine.Tests notice.
//   dotnet run --project eng/Mutations -- [--count N] [--seed N] [--budget SECONDS] [--again REPORT] [FOLDER ...]
// N mutants are drawn of each folder, all are compiled into one assembly, in which an environment variable turns one on, and for each one a
// process runs the test cases that reach it, the quickest first, until one fails; of the slow ones as many as fit the budget. A crash, and far
// more processor time than without the mutant, count as noticed; what no test reaches counts as not noticed. Messages of errors are not mutated.
// The report is in artifacts/mutations; with --again, where tests have been added since a report, only what was not noticed in it is judged again.
(int count, int seed, double budget, string? again, List<string> folders) = (60, 1, 30, null, []);
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--count": count = int.Parse(args[++i], CultureInfo.InvariantCulture); break;
        case "--seed": seed = int.Parse(args[++i], CultureInfo.InvariantCulture); break;
        case "--budget": budget = double.Parse(args[++i], CultureInfo.InvariantCulture); break;
        case "--again": again = args[++i]; break;
        default: folders.Add(args[i]); break;
    }
}

folders = folders.Count > 0 ? folders : ["Operations", "Autograd", "Devices/Cpu", "Training", "Formats"];
string[] earlier = again is null ? [] : File.ReadAllLines(again);
PlantedCopy copy = PlantedCopy.Make();
List<Mutant> mutants = [.. folders.SelectMany(folder => copy.Draw(folder, count, seed))];
copy.Build(mutants);
TestRuns tests = TestRuns.Cover(copy);
List<Mutant> valid = [.. mutants.Where(m => m.IsValid)];
Console.WriteLine($"{valid.Count} mutants compile, of {mutants.Count} drawn; {tests.Count:N0} test cases pass without any");
using StreamWriter report = new(Path.Combine(copy.Work, "report.txt")) { AutoFlush = true };

// One of each folder in turn, so that what has been judged when time is up is of all of them.
foreach (Mutant mutant in valid.GroupBy(m => m.Folder).SelectMany(g => g.Select((m, i) => (Mutant: m, Turn: i))).OrderBy(m => m.Turn).Select(m => m.Mutant))
{
    string what = copy.Describe(mutant);
    if (earlier.FirstOrDefault(line => line.Contains(what, StringComparison.Ordinal)) is { } known && Mutant.WasNoticed(known))
    {
        mutant.State = known[..Mutant.StateWidth].TrimEnd();
        report.WriteLine(known);
        continue;
    }

    tests.Judge(mutant, budget);
    string line = $"{mutant.State.PadRight(Mutant.StateWidth)} {what}{mutant.By}";
    report.WriteLine(line);
    Console.WriteLine(line);
}

foreach (string folder in folders)
{
    Mutant[] own = [.. valid.Where(m => m.Folder == folder)];
    int noticed = own.Count(m => Mutant.WasNoticed(m.State));
    string line = string.Create(
        CultureInfo.InvariantCulture,
        $"{folder,-12} {own.Length,4} mutants, {noticed,4} noticed ({100.0 * noticed / Math.Max(1, own.Length):F1} %)");
    report.WriteLine(line);
    Console.WriteLine(line);
}
