#!/usr/bin/env dotnet
#:property PublishAot=false
#:property ManagePackageVersionsCentrally=false
#:package Microsoft.CodeAnalysis.CSharp@5.0.0
// Mutation testing: how many small mistakes, planted in src/Engine at random, the tests of tests/Engine.Tests notice.
//   dotnet run eng/mutations.cs -- [--count N] [--seed N] [--budget SECONDS] [--again REPORT] [FOLDER ...]
// N mutants are drawn of each folder, all are compiled into one assembly, in which an environment variable turns one on, and for each one a process runs
// the test cases that reach it, the quickest first, until one fails; of the slow ones as many as fit the budget. A crash, and far more processor time
// than without the mutant, count as noticed; what no test reaches counts as not noticed. Messages of errors are not mutated. The report is in artifacts/mutations; with --again, where
// tests have been added since a report, only what was not noticed in it is judged again.
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

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
string root = Output("git", "rev-parse --show-toplevel", ".").Text.Trim(), work = Path.Combine(root, "artifacts", "mutations"), copy = Path.Combine(work, "copy");
Directory.CreateDirectory(work);
CopyTree();
List<Mutant> mutants = [.. folders.SelectMany(Draw)];
for (int i = 0; i < mutants.Count; i++)
{
    mutants[i].Id = i;
}

Build();
List<Covered> cases = Cover();
Console.WriteLine($"{mutants.Count(m => m.IsValid)} mutants compile, of {mutants.Count} drawn; {cases.Count:N0} test cases pass without any");
string[] earlier = again is null ? [] : File.ReadAllLines(again);
using StreamWriter report = new(Path.Combine(work, "report.txt")) { AutoFlush = true };

// One of each folder in turn, so that what has been judged when time is up is of all of them.
foreach (Mutant mutant in mutants.Where(m => m.IsValid).GroupBy(m => m.Folder).SelectMany(g => g.Select((m, i) => (Mutant: m, Turn: i))).OrderBy(m => m.Turn).Select(m => m.Mutant))
{
    string what = $"{Path.GetRelativePath(copy, mutant.File)}:{mutant.Line}  {mutant.Before}  =>  {mutant.After}  ";
    if (earlier.FirstOrDefault(l => l.Contains(what, StringComparison.Ordinal)) is { } known && !known.StartsWith("survived", StringComparison.Ordinal) && !known.StartsWith("not reached", StringComparison.Ordinal))
    {
        mutant.State = known[..11].TrimEnd();
        report.WriteLine(known);
        continue;
    }

    Judge(mutant);
    string line = $"{mutant.State,-11} {what}{mutant.By}";
    report.WriteLine(line);
    Console.WriteLine(line);
}

foreach (string folder in folders)
{
    Mutant[] valid = [.. mutants.Where(m => m.Folder == folder && m.IsValid)];
    int killed = valid.Count(m => m.State is "killed" or "crashed" or "timed out");
    string line = $"{folder,-12} {valid.Length,4} mutants, {killed,4} noticed ({100.0 * killed / Math.Max(1, valid.Length):F1} %), {valid.Count(m => m.State == "survived")} survived, {valid.Count(m => m.State == "not reached")} not reached";
    report.WriteLine(line);
    Console.WriteLine(line);
}

// ---- The copy, with the mutants in it ------------------------------------------------------------------------------------

void CopyTree()
{
    if (Directory.Exists(copy))
    {
        Directory.Delete(copy, recursive: true);
    }

    foreach (string file in Output("git", "ls-files src examples/Embed tests/Engine.Tests tests/Directory.Build.props Directory.Build.props Directory.Packages.props global.json kernels.cu .editorconfig", root).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
    {
        string to = Path.Combine(copy, file);
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.Copy(Path.Combine(root, file), to);
    }

    File.Copy(Path.Combine(root, "eng", "mutation-runner.cs"), Path.Combine(copy, "tests", "Engine.Tests", "MutationRunner.cs"));
    string project = Path.Combine(copy, "tests", "Engine.Tests", "Engine.Tests.csproj");
    File.WriteAllText(project, File.ReadAllText(project).Replace("<Project Sdk=\"Microsoft.NET.Sdk\">", "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><GenerateProgramFile>false</GenerateProgramFile><OutputType>Exe</OutputType></PropertyGroup>", StringComparison.Ordinal));
}

IEnumerable<Mutant> Draw(string folder)
{
    List<Mutant> all = [];
    foreach (string file in Directory.GetFiles(Path.Combine(copy, "src", "Engine", folder), "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
    {
        all.AddRange(Mutants.In(folder, file, CSharpSyntaxTree.ParseText(File.ReadAllText(file)).GetRoot()));
    }

    // One in five does not compile.
    Random random = new(seed);
    Mutant[] drawn = [.. all.OrderBy(_ => random.Next()).DistinctBy(m => (m.File, m.Span)).Take(count * 5 / 4)];
    Console.WriteLine($"{folder}: {all.Count:N0} mutants can be made, {drawn.Length} are drawn");
    return drawn;
}

void Build()
{
    Dictionary<string, string> originals = mutants.Select(m => m.File).Distinct().ToDictionary(f => f, File.ReadAllText);
    File.WriteAllText(Path.Combine(copy, "src", "Engine", "Mutant.cs"), $$"""
        namespace Engine;

        /// <summary>Turns a mutant on.</summary>
        public static class Mutant
        {
            private static readonly int Active = int.Parse(System.Environment.GetEnvironmentVariable("ENGINE_MUTANT") ?? "-1");

            /// <summary>The mutants that were reached.</summary>
            public static readonly byte[]? Reached = Active == -2 ? new byte[{{mutants.Count}}] : null;

            /// <summary>Whether a mutant is on.</summary>
            public static bool Is(int id)
            {
                if (Reached is not null)
                {
                    Reached[id] = 1;
                }

                return id == Active;
            }
        }
        """);
    for (int round = 0; round < 12; round++)
    {
        foreach ((string file, string original) in originals)
        {
            Planter planter = new(mutants.Where(m => m.File == file && m.IsValid).ToDictionary(m => m.Span));
            File.WriteAllText(file, planter.Visit(CSharpSyntaxTree.ParseText(original).GetRoot())!.ToFullString());
        }

        (int code, string text) = Output("dotnet", "build tests/Engine.Tests -v quiet -p:TreatWarningsAsErrors=false -p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false -p:WarningLevel=0 -p:GenerateDocumentationFile=false", copy);
        if (code == 0)
        {
            return;
        }

        HashSet<int> wrong = [];
        foreach (Match error in Regex.Matches(text, @"(?m)^\s*(/[^(\n]+\.cs)\((\d+),\d+\): error"))
        {
            (string file, int line) = (error.Groups[1].Value, int.Parse(error.Groups[2].Value, CultureInfo.InvariantCulture));
            string[] lines = File.ReadAllLines(file);
            int[] found = Ids(lines[line - 1]);
            if (found.Length == 0)
            {
                // Such as a variable that is not assigned, further down: the mutants of the member are at fault.
                SyntaxNode tree = CSharpSyntaxTree.ParseText(string.Join('\n', lines)).GetRoot();
                SyntaxNode? member = tree.DescendantNodes().OfType<MemberDeclarationSyntax>().LastOrDefault(m => m is BaseMethodDeclarationSyntax or BasePropertyDeclarationSyntax or BaseFieldDeclarationSyntax
                    && m.GetLocation().GetLineSpan() is var span && span.StartLinePosition.Line <= line - 1 && span.EndLinePosition.Line >= line - 1);
                found = Ids(member?.ToFullString() ?? "");
            }

            wrong.UnionWith(found);
        }

        if (wrong.Count == 0)
        {
            throw new InvalidOperationException(text);
        }

        foreach (int id in wrong)
        {
            mutants[id].IsValid = false;
        }
    }

    throw new InvalidOperationException("the mutants do not compile");
}

static int[] Ids(string text) => [.. Regex.Matches(text, @"Mutant\.Is\((\d+)\)").Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))];

// ---- Running the tests ------------------------------------------------------------------------------------------------------

List<Covered> Cover()
{
    List<Covered> found = [];
    foreach (string type in Run(-1, "classes").Text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
    {
        foreach (string line in Run(-2, $"cover {type}").Text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = line.Split('\t');
            if (parts is [_, "passed", ..])
            {
                found.Add(new Covered(type, int.Parse(parts[0], CultureInfo.InvariantCulture), long.Parse(parts[2], CultureInfo.InvariantCulture),
                    [.. parts[3].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, CultureInfo.InvariantCulture))]));
            }
            else
            {
                Console.WriteLine($"without any mutant, case {parts[0]} of {type} fails here, and is left out");
            }
        }
    }

    return found;
}

void Judge(Mutant mutant)
{
    // What a class reaches in one case alone may be made once, for all its cases: a table, say.
    List<Covered> plan = [];
    foreach (IGrouping<string, Covered> type in cases.GroupBy(c => c.Type))
    {
        Covered[] reaching = [.. type.Where(c => c.Reached.Contains(mutant.Id))];
        plan.AddRange(reaching.Length == 1 ? type : reaching);
    }

    double spent = 0;
    plan = [.. plan.OrderBy(c => c.Milliseconds).TakeWhile(c => (spent += c.Milliseconds) <= 1000 * budget)];
    if (plan.Count == 0)
    {
        mutant.State = "not reached";
        return;
    }

    string file = Path.Combine(work, "plan.txt");
    File.WriteAllLines(file, plan.Select(c => $"{c.Type}\t{c.Number}\t{c.Milliseconds}"));
    (int code, string text) = Run(mutant.Id, $"run {file}");
    (mutant.State, mutant.By) = code switch { 0 => ("survived", $"({plan.Count} cases)"), 3 => ("killed", text.Trim().Replace('\t', ' ')), 4 => ("timed out", ""), _ => ("crashed", "") };
}

// Little memory, since a mutant may ask for all.
(int Code, string Text) Run(int mutant, string arguments) => Output(
    "bash", $"-c \"ulimit -v 16000000; ulimit -c 0; ENGINE_MUTANT={mutant} DOTNET_GCHeapHardLimit=0x40000000 DOTNET_DbgEnableMiniDump=0 DOTNET_TieredPGO=0 exec dotnet tests/Engine.Tests/bin/Debug/net10.0/Engine.Tests.dll {arguments}\"", copy);

static (int Code, string Text) Output(string program, string arguments, string folder)
{
    using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder })!;
    Task<string> errors = process.StandardError.ReadToEndAsync();
    string text = process.StandardOutput.ReadToEnd();
    process.WaitForExit();
    return (process.ExitCode, text.Length > 0 ? text : errors.Result.Split('\n')[0]);
}

internal sealed record Covered(string Type, int Number, long Milliseconds, HashSet<int> Reached);

/// <summary>A small mistake in the place of an expression or a statement.</summary>
internal sealed class Mutant
{
    public int Id { get; set; }

    public required string Folder { get; init; }

    public required string File { get; init; }

    public required Microsoft.CodeAnalysis.Text.TextSpan Span { get; init; }

    public required int Line { get; init; }

    public required string Before { get; init; }

    public required string After { get; init; }

    /// <summary>The mistake, made of the node with what is planted inside it.</summary>
    public required Func<SyntaxNode, SyntaxNode?> Mistake { get; init; }

    public bool IsValid { get; set; } = true;

    public string State { get; set; } = "";

    public string By { get; set; } = "";
}

/// <summary>Puts mutants into a file, each beside what it takes the place of.</summary>
internal sealed class Planter(Dictionary<Microsoft.CodeAnalysis.Text.TextSpan, Mutant> mutants) : CSharpSyntaxRewriter
{
    public override SyntaxNode? Visit(SyntaxNode? node)
    {
        SyntaxNode? visited = base.Visit(node);
        if (node is null || visited is null || !mutants.TryGetValue(node.Span, out Mutant? mutant) || Mutants.Mistakes(node).All(m => m.After != mutant.After))
        {
            return visited;
        }

        string on = $"global::Engine.Mutant.Is({mutant.Id})";
        SyntaxNode bare = visited.WithoutTrivia();
        return visited switch
        {
            ExpressionSyntax => SyntaxFactory.ParseExpression($"({on} ? ({mutant.Mistake(bare)}) : ({bare}))").WithTriviaFrom(visited),
            StatementSyntax => SyntaxFactory.ParseStatement(mutant.Mistake(bare) is { } other ? $"if ({on}) {{ {other} }} else {{ {bare} }}" : $"if (!{on}) {{ {bare} }}").WithTriviaFrom(visited),
            _ => visited,
        };
    }
}

internal static class Mutants
{
    private static readonly Dictionary<SyntaxKind, (SyntaxKind Kind, SyntaxKind Token)[]> Operators = new()
    {
        [SyntaxKind.AddExpression] = [(SyntaxKind.SubtractExpression, SyntaxKind.MinusToken)],
        [SyntaxKind.SubtractExpression] = [(SyntaxKind.AddExpression, SyntaxKind.PlusToken)],
        [SyntaxKind.MultiplyExpression] = [(SyntaxKind.DivideExpression, SyntaxKind.SlashToken)],
        [SyntaxKind.DivideExpression] = [(SyntaxKind.MultiplyExpression, SyntaxKind.AsteriskToken)],
        [SyntaxKind.ModuloExpression] = [(SyntaxKind.MultiplyExpression, SyntaxKind.AsteriskToken)],
        [SyntaxKind.LessThanExpression] = [(SyntaxKind.LessThanOrEqualExpression, SyntaxKind.LessThanEqualsToken), (SyntaxKind.GreaterThanOrEqualExpression, SyntaxKind.GreaterThanEqualsToken)],
        [SyntaxKind.LessThanOrEqualExpression] = [(SyntaxKind.LessThanExpression, SyntaxKind.LessThanToken), (SyntaxKind.GreaterThanExpression, SyntaxKind.GreaterThanToken)],
        [SyntaxKind.GreaterThanExpression] = [(SyntaxKind.GreaterThanOrEqualExpression, SyntaxKind.GreaterThanEqualsToken), (SyntaxKind.LessThanOrEqualExpression, SyntaxKind.LessThanEqualsToken)],
        [SyntaxKind.GreaterThanOrEqualExpression] = [(SyntaxKind.GreaterThanExpression, SyntaxKind.GreaterThanToken), (SyntaxKind.LessThanExpression, SyntaxKind.LessThanToken)],
        [SyntaxKind.EqualsExpression] = [(SyntaxKind.NotEqualsExpression, SyntaxKind.ExclamationEqualsToken)],
        [SyntaxKind.NotEqualsExpression] = [(SyntaxKind.EqualsExpression, SyntaxKind.EqualsEqualsToken)],
        [SyntaxKind.LogicalAndExpression] = [(SyntaxKind.LogicalOrExpression, SyntaxKind.BarBarToken)],
        [SyntaxKind.LogicalOrExpression] = [(SyntaxKind.LogicalAndExpression, SyntaxKind.AmpersandAmpersandToken)],
        [SyntaxKind.BitwiseAndExpression] = [(SyntaxKind.BitwiseOrExpression, SyntaxKind.BarToken)],
        [SyntaxKind.LeftShiftExpression] = [(SyntaxKind.RightShiftExpression, SyntaxKind.GreaterThanGreaterThanToken)],
        [SyntaxKind.RightShiftExpression] = [(SyntaxKind.LeftShiftExpression, SyntaxKind.LessThanLessThanToken)],
    };

    /// <summary>All mutants of a file.</summary>
    public static IEnumerable<Mutant> In(string folder, string file, SyntaxNode root)
    {
        foreach (SyntaxNode node in root.DescendantNodes(n => !IsFixed(n)).Where(n => !IsFixed(n)))
        {
            foreach ((string after, Func<SyntaxNode, SyntaxNode?> mistake) in Mistakes(node))
            {
                yield return new Mutant
                {
                    Folder = folder,
                    File = file,
                    Span = node.Span,
                    Line = node.GetLocation().GetLineSpan().StartLinePosition.Line + 1,
                    Before = Regex.Replace(node.ToString(), @"\s+", " "),
                    After = after,
                    Mistake = mistake,
                };
            }
        }
    }

    /// <summary>The mistakes that can be made of a node.</summary>
    public static IEnumerable<(string After, Func<SyntaxNode, SyntaxNode?> Mistake)> Mistakes(SyntaxNode node)
    {
        switch (node)
        {
            case BinaryExpressionSyntax binary when Operators.TryGetValue(binary.Kind(), out (SyntaxKind Kind, SyntaxKind Token)[]? others) && !binary.DescendantNodes().Any(n => n is InterpolatedStringExpressionSyntax || n.IsKind(SyntaxKind.StringLiteralExpression)):
                foreach ((SyntaxKind kind, SyntaxKind token) in others)
                {
                    yield return ($"{SyntaxFactory.Token(token)}", n => n is BinaryExpressionSyntax b
                        ? SyntaxFactory.BinaryExpression(kind, b.Left, SyntaxFactory.Token(token).WithTriviaFrom(b.OperatorToken), b.Right) : n);
                }

                break;
            case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.LogicalNotExpression }:
                yield return ("without !", n => ((PrefixUnaryExpressionSyntax)n).Operand);
                break;
            case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.UnaryMinusExpression }:
                yield return ("without -", n => ((PrefixUnaryExpressionSyntax)n).Operand);
                break;
            case LiteralExpressionSyntax { RawKind: (int)SyntaxKind.TrueLiteralExpression }:
                yield return ("false", _ => SyntaxFactory.ParseExpression("false"));
                break;
            case LiteralExpressionSyntax { RawKind: (int)SyntaxKind.FalseLiteralExpression }:
                yield return ("true", _ => SyntaxFactory.ParseExpression("true"));
                break;
            case LiteralExpressionSyntax { RawKind: (int)SyntaxKind.NumericLiteralExpression } number:
                yield return ($"{number.Token.Text} + 1", _ => SyntaxFactory.ParseExpression($"{number.Token.Text} + 1"));
                break;
            case ExpressionSyntax condition when condition.Parent is IfStatementSyntax or ConditionalExpressionSyntax && Condition(condition.Parent) == condition:
                yield return ("not", n => SyntaxFactory.ParseExpression($"!({n})"));
                break;
            case ExpressionStatementSyntax { Expression: AssignmentExpressionSyntax { RawKind: (int)SyntaxKind.AddAssignmentExpression } }:
                yield return ("-=", n => SyntaxFactory.ParseStatement(Assign(n, "-=")));
                yield return ("removed", _ => null);
                break;
            case ExpressionStatementSyntax { Expression: AssignmentExpressionSyntax { RawKind: (int)SyntaxKind.SubtractAssignmentExpression } }:
                yield return ("+=", n => SyntaxFactory.ParseStatement(Assign(n, "+=")));
                yield return ("removed", _ => null);
                break;
            case ExpressionStatementSyntax { Expression: InvocationExpressionSyntax or AssignmentExpressionSyntax or PostfixUnaryExpressionSyntax or AwaitExpressionSyntax }:
                yield return ("removed", _ => null);
                break;
        }
    }

    private static string Assign(SyntaxNode statement, string token)
    {
        AssignmentExpressionSyntax assignment = (AssignmentExpressionSyntax)((ExpressionStatementSyntax)statement).Expression;
        return $"{assignment.Left} {token} {assignment.Right};";
    }

    private static SyntaxNode Condition(SyntaxNode parent) => parent is IfStatementSyntax i ? i.Condition : ((ConditionalExpressionSyntax)parent).Condition;

    // Constants, patterns and attributes cannot be switched, and the texts of errors are no behavior.
    private static bool IsFixed(SyntaxNode node) => node is AttributeListSyntax or EnumMemberDeclarationSyntax or PatternSyntax or SwitchLabelSyntax or ThrowStatementSyntax or ThrowExpressionSyntax
        or EqualsValueClauseSyntax { Parent: ParameterSyntax } or InterpolationAlignmentClauseSyntax or FixedStatementSyntax { Declaration: null }
        || (node is FieldDeclarationSyntax field && field.Modifiers.Any(SyntaxKind.ConstKeyword)) || (node is LocalDeclarationStatementSyntax local && local.IsConst)
        || (node is InvocationExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.Text: "nameof" } });
}
