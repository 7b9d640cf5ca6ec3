using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Engine.Cli.Tests;

/// <summary>The three rings of the house (docs/architecture.md): which of the engine's assemblies may refer to which.</summary>
public sealed class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Engine.Core"] = [],
        ["Engine.Kernels"] = ["Engine.Core"],
        ["Engine.Models"] = ["Engine.Core"],
        ["Engine.Vision"] = ["Engine.Core"],
        ["Engine.Tables"] = ["Engine.Core"],
        ["Engine.Onnx"] = ["Engine.Core", "Engine.Models"],
        ["Engine.TensorBoard"] = [],
        ["Engine.Study"] = ["Engine.Core", "Engine.Models", "Engine.TensorBoard"],
        ["Engine.Live"] = ["Engine.Core", "Engine.Study"],
    };

    [Fact]
    public void Each_assembly_refers_only_to_those_that_it_may_and_the_inner_ones_to_nothing_but_NET()
    {
        Dictionary<string, string[]> references = Directory.GetFiles(
            AppContext.BaseDirectory, "Engine.*.dll").Where(f => !Path.GetFileName(f).Contains("Tests", StringComparison.Ordinal))
            .ToDictionary(f => Path.GetFileNameWithoutExtension(f), ReferencesOf);
        Assert.Equal(Allowed.Keys.Order(), references.Keys.Order());
        foreach ((string assembly, string[] used) in references)
        {
            Assert.Empty(used.Where(r => r.StartsWith("Engine.", StringComparison.Ordinal)).Except(Allowed[assembly]));
            if (assembly is "Engine.Core" or "Engine.Kernels" or "Engine.Models")
            {
                Assert.DoesNotContain(used, r => !r.StartsWith("Engine.", StringComparison.Ordinal) && !r.StartsWith("System.", StringComparison.Ordinal));
            }
        }
    }

    private static string[] ReferencesOf(string path)
    {
        using PEReader file = new(File.OpenRead(path));
        MetadataReader reader = file.GetMetadataReader();
        return [.. reader.AssemblyReferences.Select(handle => reader.GetString(reader.GetAssemblyReference(handle).Name))];
    }
}
