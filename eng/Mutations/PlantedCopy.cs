using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Engine.Mutations;

/// <summary>A copy of the sources, in artifacts/mutations, in which mutants are planted.</summary>
internal sealed class PlantedCopy
{
    private const string Sources =
        "src examples/Embed tests/Engine.Tests tests/Directory.Build.props Directory.Build.props Directory.Packages.props global.json kernels.cu";

    // Random inputs for gradient checks: tests that are shipped, of which one is as good as another.
    private static readonly string[] Catalogs = ["GradientChecks.cs", "CheckInputs.cs"];

    // Warnings say nothing of mutants, and cost time; a build server would keep the output open.
    private const string BuildOptions =
        "-v quiet --disable-build-servers -p:TreatWarningsAsErrors=false -p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false " +
        "-p:WarningLevel=0 -p:GenerateDocumentationFile=false";

    private readonly string _folder;

    private PlantedCopy(string work) => (Work, _folder) = (work, Path.Combine(work, "copy"));

    /// <summary>Where the report and the copy lie.</summary>
    public string Work { get; }

    /// <summary>Copies what git knows of the sources.</summary>
    public static PlantedCopy Make()
    {
        string root = Output("git", "rev-parse --show-toplevel", ".").Text.Trim();
        PlantedCopy copy = new(Path.Combine(root, "artifacts", "mutations"));
        if (Directory.Exists(copy._folder))
        {
            Directory.Delete(copy._folder, recursive: true);
        }

        foreach (string file in Output("git", $"ls-files {Sources}", root).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string to = Path.Combine(copy._folder, file);
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(Path.Combine(root, file), to);
        }

        string tests = Path.Combine(copy._folder, "tests", "Engine.Tests"), project = Path.Combine(tests, "Engine.Tests.csproj");
        File.Copy(Path.Combine(root, "eng", "Mutations", "Runner.cs"), Path.Combine(tests, "Runner.cs"));
        const string start = "<Project Sdk=\"Microsoft.NET.Sdk\">";
        File.WriteAllText(project, File.ReadAllText(project).Replace(
            start, $"{start}<PropertyGroup><GenerateProgramFile>false</GenerateProgramFile><OutputType>Exe</OutputType></PropertyGroup>",
            StringComparison.Ordinal));
        return copy;
    }

    /// <summary>Draws mutants of a folder of src/Engine.</summary>
    public IReadOnlyList<Mutant> Draw(string folder, int count, int seed)
    {
        List<Mutant> all = [];
        string path = Path.Combine(_folder, "src", "Engine", folder);
        foreach (string file in Directory.GetFiles(path, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            if (!Catalogs.Contains(Path.GetFileName(file)))
            {
                all.AddRange(Mistakes.In(folder, file, CSharpSyntaxTree.ParseText(File.ReadAllText(file)).GetRoot()));
            }
        }

        // One in five does not compile.
        Random random = new(seed);
        Mutant[] drawn = [.. all.OrderBy(_ => random.Next()).DistinctBy(m => (m.File, m.Span)).Take(count * 5 / 4)];
        Console.WriteLine($"{folder}: {all.Count:N0} mutants can be made, {drawn.Length} are drawn");
        return drawn;
    }

    /// <summary>Plants all mutants and compiles; those that do not compile are marked as such.</summary>
    public void Build(List<Mutant> mutants)
    {
        for (int i = 0; i < mutants.Count; i++)
        {
            mutants[i].Id = i;
        }

        Dictionary<string, string> originals = mutants.Select(m => m.File).Distinct().ToDictionary(f => f, File.ReadAllText);
        File.WriteAllText(Path.Combine(_folder, "src", "Engine", "Mutant.cs"), Switch(mutants.Count));
        while (true)
        {
            foreach ((string file, string original) in originals)
            {
                Planter planter = new(mutants.Where(m => m.File == file && m.IsValid).ToDictionary(m => m.Span));
                File.WriteAllText(file, planter.Visit(CSharpSyntaxTree.ParseText(original).GetRoot())!.ToFullString());
            }

            (int code, string text) = Output("dotnet", $"build tests/Engine.Tests {BuildOptions}", _folder);
            if (code == 0)
            {
                return;
            }

            HashSet<int> wrong = [.. Regex.Matches(text, @"(?m)^\s*(/[^(\n]+\.cs)\((\d+),\d+\): error")
                .SelectMany(error => AtFault(error.Groups[1].Value, int.Parse(error.Groups[2].Value, CultureInfo.InvariantCulture)))];
            if (wrong.Count == 0)
            {
                throw new InvalidOperationException(text);
            }

            foreach (int id in wrong)
            {
                mutants[id].IsValid = false;
            }
        }
    }

    /// <summary>A mutant in a line of the report.</summary>
    public string Describe(Mutant mutant) => $"{Path.GetRelativePath(_folder, mutant.File)}:{mutant.Line}  {mutant.Before}  =>  {mutant.After}  ";

    /// <summary>Runs the tests' program with one mutant on.</summary>
    /// <param name="mutant">Its number; -1 for none, and -2 to note which ones are reached.</param>
    /// <param name="arguments">As Runner.cs has them.</param>
    public (int Code, string Text) Run(int mutant, string arguments)
    {
        // Little memory, since a mutant may ask for all.
        const string program = "tests/Engine.Tests/bin/Debug/net10.0/Engine.Tests.dll";
        string limits = $"ulimit -v 16000000; ulimit -c 0; ENGINE_MUTANT={mutant} DOTNET_GCHeapHardLimit=0x40000000";
        return Output("bash", $"-c \"{limits} exec dotnet {program} {arguments}\"", _folder);
    }

    private static string Switch(int count) => $$"""
        namespace Engine;

        /// <summary>Turns a mutant on.</summary>
        public static class Mutant
        {
            private static readonly int Active = int.Parse(System.Environment.GetEnvironmentVariable("ENGINE_MUTANT") ?? "-1");

            /// <summary>The mutants that were reached.</summary>
            public static readonly byte[]? Reached = Active == -2 ? new byte[{{count}}] : null;

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
        """;

    private static int[] AtFault(string file, int line)
    {
        string[] lines = File.ReadAllLines(file);
        if (Ids(lines[line - 1]) is { Length: > 0 } found)
        {
            return found;
        }

        // Such as a variable that is not assigned, further down: the mutants of the member are at fault.
        SyntaxNode tree = CSharpSyntaxTree.ParseText(string.Join('\n', lines)).GetRoot();
        return Ids(tree.DescendantNodes().OfType<MemberDeclarationSyntax>().LastOrDefault(member =>
            member is BaseMethodDeclarationSyntax or BasePropertyDeclarationSyntax or BaseFieldDeclarationSyntax
            && member.GetLocation().GetLineSpan() is var span
            && span.StartLinePosition.Line < line && span.EndLinePosition.Line >= line - 1)?.ToFullString() ?? "");
    }

    private static int[] Ids(string text) =>
        [.. Regex.Matches(text, @"Mutant\.Is\((\d+)\)").Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))];

    // What a program printed, or else the first line of its errors.
    private static (int Code, string Text) Output(string program, string arguments, string folder)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, text.Length > 0 ? text : errors.Result.Split('\n')[0]);
    }
}
