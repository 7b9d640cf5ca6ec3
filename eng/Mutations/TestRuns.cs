using System.Globalization;

namespace Engine.Mutations;

/// <summary>The test cases, which mutants each one reaches, and what they say of a mutant.</summary>
internal sealed class TestRuns
{
    private readonly List<Case> _cases = [];
    private readonly PlantedCopy _copy;

    private TestRuns(PlantedCopy copy) => _copy = copy;

    /// <summary>How many cases pass.</summary>
    public int Count => _cases.Count;

    /// <summary>Runs every class once, without a mutant.</summary>
    public static TestRuns Cover(PlantedCopy copy)
    {
        TestRuns runs = new(copy);
        foreach (string type in copy.Run(-1, "classes").Text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            foreach (string line in copy.Run(-2, $"cover {type}").Text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                string[] parts = line.Split('\t');
                if (parts is [_, "passed", ..])
                {
                    IEnumerable<int> reached = parts[3].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Number);
                    runs._cases.Add(new Case(type, Number(parts[0]), Number(parts[2]), [.. reached]));
                }
                else
                {
                    Console.WriteLine($"without any mutant, case {parts[0]} of {type} fails here, and is left out");
                }
            }
        }

        return runs;
    }

    /// <summary>Runs the cases that reach a mutant until one notices it.</summary>
    /// <param name="mutant">The mutant.</param>
    /// <param name="budget">The seconds that its cases may take, as they are without it.</param>
    public void Judge(Mutant mutant, double budget)
    {
        // What a class reaches in one case alone may be made once, for all its cases: a table, say.
        List<Case> plan = [];
        foreach (IGrouping<string, Case> type in _cases.GroupBy(c => c.Type))
        {
            Case[] reaching = [.. type.Where(c => c.Reached.Contains(mutant.Id))];
            plan.AddRange(reaching.Length == 1 ? type : reaching);
        }

        double spent = 0;
        plan = [.. plan.OrderBy(c => c.Milliseconds).TakeWhile(c => (spent += c.Milliseconds) <= 1000 * budget)];
        if (plan.Count == 0)
        {
            mutant.State = Mutant.NotReached;
            return;
        }

        string file = Path.Combine(_copy.Work, "plan.txt");
        File.WriteAllLines(file, plan.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Type}\t{c.Number}\t{c.Milliseconds}")));
        (int code, string text) = _copy.Run(mutant.Id, $"run {file}");
        (mutant.State, mutant.By) = code switch
        {
            0 => (Mutant.Survived, $"({plan.Count} cases)"),
            3 => (Mutant.Killed, text.Trim().Replace('\t', ' ')),
            4 => (Mutant.TimedOut, ""),
            _ => (Mutant.Crashed, ""),
        };
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private sealed record Case(string Type, int Number, int Milliseconds, HashSet<int> Reached);
}
