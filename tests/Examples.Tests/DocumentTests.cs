using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Engine.Examples.Tests;

/// <summary>The C# of README.md and docs/*.md compiles against the engine as it is.</summary>
public sealed partial class DocumentTests
{
    private const string Usings = """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;
        global using Engine; global using Engine.Data;
        global using Engine.Formats; global using Engine.Vision; global using Engine.Kernels;
        global using Engine.Kernels.Interop; global using Engine.Layers; global using Engine.Models; global using Engine.Onnx;
        global using Engine.Optimizers; global using Engine.Study; global using Engine.Tables; global using Engine.Training; global using Engine.Verification;
        """;

    // What the text around a fragment has introduced, by page.
    private static readonly Dictionary<string, string> Scopes = new()
    {
        ["README.md"] = "static Tensor tensor; static ManagedCuda.CudaDeviceVariable theirs; static ManagedCuda.Kernel theirKernel;",
        ["docs/kernels.md"] = "static CudaDevice device; static Network network; static Tensor images, labels, number, x, y; static Sgd sgd; static "
            + "float[] batch; "
            + "static double rate; static int n; static CudaKernel swish;",
        ["docs/lifetime.md"] = "static double[] rates; static ImageDataset digits; static TrainingOptions options;",
        ["docs/onnx.md"] = "static Module model;",
    };

    private static readonly Dictionary<string, string> Declarations = new()
    {
        ["README.md"] = """
            public struct CUstream { public nint Pointer; }
            public struct CUdeviceptr { public CUdeviceptr(ulong pointer) { Pointer = pointer; } public ulong Pointer; }
            namespace ManagedCuda
            {
                public sealed class PrimaryContext(int device) : IDisposable { public void Dispose() => _ = device; }
                public sealed class CudaDeviceVariable { public CUdeviceptr DevicePointer; }
                public sealed class Kernel { public void RunAsync(CUstream stream, params object[] arguments) { } }
            }
            """,
        ["docs/backward.md"] = "static class MyOperation { public static Tensor Apply(Tensor x) => x; }",
    };

    private static readonly CSharpParseOptions Language = new(LanguageVersion.Preview);

    private static readonly MetadataReference[] References =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path))];

    /// <summary>All pages with C#.</summary>
    public static TheoryData<string> Pages => [.. Names];

    private static IEnumerable<string> Names => Directory.GetFiles(Folder, "*.md", SearchOption.AllDirectories)
        .Where(path => Blocks(File.ReadAllText(path)).Any()).Select(path => Path.GetRelativePath(Folder, path).Replace('\\', '/')).Order();

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "pages");

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_block_of_a_page_compiles(string page)
    {
        List<string> wrong = [];
        string declared = Declarations.GetValueOrDefault(page, "");
        foreach ((int line, string block) in Blocks(File.ReadAllText(Path.Combine(Folder, page))))
        {
            bool isProgram = Program().IsMatch(block);
            string text = Declaration().IsMatch(block) || isProgram ? block
                : Member().IsMatch(block) ? $"static class Members {{\n{block}\n}}"
                : $"static class Fragment {{ {Scopes.GetValueOrDefault(page, "")} static void Run() {{\n{block}\n}} }}";
            wrong.AddRange(Errors([text, declared], isProgram).Select(error => $"{page}, the block of line {line}: {error}"));
            declared += Declaration().IsMatch(block) ? block : "";
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void A_block_that_does_not_compile_is_found()
    {
        Assert.Contains("Tensor", Assert.Single(Errors(["static class A { static void Run() { Tensor t = 1.0; } }"], isProgram: false)));
        Assert.Contains("README.md", Names);
        Assert.Equal([(2, "int i = 0;\n")], Blocks("text\n```csharp\nint i = 0;\n```\n```sh\nls\n```\n"));
    }

    private static IEnumerable<(int Line, string Text)> Blocks(string page) => Block().Matches(page)
        .Select(match => (page.AsSpan(0, match.Index).Count('\n') + 1, match.Groups["text"].Value));

    private static IEnumerable<string> Errors(IEnumerable<string> texts, bool isProgram) => CSharpCompilation.Create(
        "Block",
        [.. texts.Append(Usings).Select(text => CSharpSyntaxTree.ParseText(text, Language))],
        References,
        new CSharpCompilationOptions(
            isProgram ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Disable))
        .GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Select(diagnostic => diagnostic.ToString());

    [GeneratedRegex(@"^```csharp\r?\n(?<text>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    // It has using directives of its own.
    [GeneratedRegex(@"^using [\w.]+;", RegexOptions.Multiline)]
    private static partial Regex Program();

    [GeneratedRegex(@"^(public|internal)?\s*(sealed |static |abstract )*class ", RegexOptions.Multiline)]
    private static partial Regex Declaration();

    [GeneratedRegex(@"^(public |private )?static ")]
    private static partial Regex Member();
}
