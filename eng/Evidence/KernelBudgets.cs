namespace Engine.Evidence;

/// <summary>The file of budgets: one line a kernel, in ordinal order. What a kernel takes may not grow unseen.</summary>
public sealed class KernelBudgets
{
    private const string Heading =
        """
        # What each kernel may take at most, compiled by any of the compilers that CI has. Written by: dotnet run eng/compile-kernels.cs -- --update
        # Registers of a thread and bytes of its stack frame (arrays indexed at run time, and spills: 0 but for the kernels named here) on sm_80
        # and sm_90; shared memory of a block; in PTX: 64-bit divisions in loops and outside, accesses through generic addresses, and which
        # 16-byte accesses to global memory it must have: l loads, s stores. Numbers may shrink. Growth needs a reason, and its line changed here.
        #                                     sm_80       sm_90              divisions
        # kernel                             regs frame  regs frame shared loops  once generic  wide
        """;

    private readonly SortedDictionary<string, KernelBudget> _budgets = new(StringComparer.Ordinal);

    /// <summary>The budgets in ordinal order of their names.</summary>
    public IReadOnlyCollection<KernelBudget> All => _budgets.Values;

    /// <summary>Reads a file of budgets.</summary>
    /// <param name="text">Its text.</param>
    /// <param name="file">Its name in messages.</param>
    /// <exception cref="EngineException">A line is no budget, or a kernel has two.</exception>
    public static KernelBudgets Parse(string text, string file)
    {
        KernelBudgets budgets = new();
        string[] lines = text.ReplaceLineEndings("\n").Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Trim() is { Length: > 0 } line && line[0] != '#')
            {
                KernelBudget budget = KernelBudget.Parse(line, file, i + 1);
                if (!budgets._budgets.TryAdd(budget.Name, budget))
                {
                    throw new EngineException($"{file}, line {i + 1}: {budget.Name} has a line already");
                }
            }
        }

        return budgets;
    }

    /// <summary>Budgets that hold exactly what some compilers made of the kernels.</summary>
    /// <param name="compilations">The kernels as each compiler made them.</param>
    public static KernelBudgets Of(IEnumerable<IReadOnlyList<KernelMeasure>> compilations)
    {
        KernelBudgets budgets = new();
        foreach (KernelBudget found in compilations.SelectMany(measures => measures).Select(KernelBudget.Of))
        {
            budgets._budgets[found.Name] = budgets._budgets.TryGetValue(found.Name, out KernelBudget? other) ? found.Or(other) : found;
        }

        return budgets;
    }

    /// <summary>Every breach of a budget by one compiler's kernels, a line each, with the line that would allow it; empty where all is within.</summary>
    /// <param name="measures">The kernels as the compiler made them.</param>
    public IReadOnlyList<string> Check(IReadOnlyList<KernelMeasure> measures)
    {
        List<string> breaches = [];
        foreach (KernelBudget found in measures.Select(KernelBudget.Of))
        {
            if (!_budgets.TryGetValue(found.Name, out KernelBudget? budget))
            {
                breaches.Add($"{found.Name} has no budget; its line would be: {found}");
            }
            else if (budget.Excess(found) is { Count: > 0 } excess)
            {
                breaches.Add($"{found.Name}: {string.Join("; ", excess)}; its line would be: {budget.Or(found)}");
            }
        }

        HashSet<string> names = [.. measures.Select(measure => measure.Name)];
        breaches.AddRange(_budgets.Keys.Where(name => !names.Contains(name)).Select(
            name => $"{name} has a budget, but no such kernel exists: delete its line"));
        breaches.AddRange(measures.Where(measure => names.Contains($"{measure.Name}_1") && !measure.Ptx.HasWideLoads && !measure.Ptx.HasWideStores)
            .Select(measure => $"{measure.Name} is the packed form of {measure.Name}_1, but accesses global memory nowhere 16 bytes at a time"));
        return breaches;
    }

    /// <summary>The budgets that hold more than any of these compilations takes: they can shrink.</summary>
    /// <param name="compilations">The kernels as each compiler made them.</param>
    public IReadOnlyList<string> Loose(IEnumerable<IReadOnlyList<KernelMeasure>> compilations) =>
        [.. Of(compilations).All.Where(exact => _budgets.TryGetValue(exact.Name, out KernelBudget? budget) && budget != exact).Select(exact => exact.Name)];

    /// <summary>The file's text.</summary>
    public override string ToString() => string.Join('\n', [Heading, .. _budgets.Values.Select(budget => budget.ToString()), ""]);
}
