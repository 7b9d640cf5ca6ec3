using System.IO.Compression;
using System.Reflection.Metadata;
using System.Text;
using System.Xml.Linq;

namespace Engine.Packages.Tests;

/// <summary>What is in the packages, and that they do what their pages say, for a program that has nothing else of the engine's.</summary>
public sealed class PackageTests(Packages packages) : IClassFixture<Packages>
{
    private static readonly string[] Libraries =
        ["Engine.Core", "Engine.Kernels", "Engine.Models", "Engine.Onnx", "Engine.Study", "Engine.Tables", "Engine.TensorBoard", "Engine.Vision"];

    [Fact]
    public void Every_library_and_the_command_are_packed_with_page_license_icon_docs_and_symbols()
    {
        Assert.Empty(Libraries.Append("Engine.Tool").Except(packages.Ids));
        Assert.DoesNotContain("Engine.Live", packages.Ids);
        foreach (string id in packages.Ids)
        {
            using ZipArchive package = ZipFile.OpenRead(Path.Combine(packages.Folder, $"{id}.{Packages.Version}.nupkg"));
            string[] files = [.. package.Entries.Select(entry => entry.FullName)];
            string assembly = id == "Engine.Tool" ? "tools/net10.0/any/engine" : $"lib/net10.0/{id}";
            foreach (string file in (string[])["README.md", "LICENSE", "icon.png", assembly + ".dll", assembly + ".xml"])
            {
                Assert.True(files.Contains(file), $"{id} has no {file}, but {string.Join(", ", files)}");
            }

            using Stream stream = package.GetEntry(id + ".nuspec")!.Open();
            Dictionary<string, XElement> metadata = XDocument.Load(stream).Root!.Elements().Single(element => element.Name.LocalName == "metadata").Elements()
                .ToDictionary(element => element.Name.LocalName);
            Assert.Equal("MIT", metadata["license"].Value);
            Assert.Equal("README.md", metadata["readme"].Value);
            Assert.Equal("icon.png", metadata["icon"].Value);
            Assert.NotEqual("Package Description", metadata["description"].Value);
            Assert.Contains("tensor", metadata["tags"].Value);
            Assert.Null(metadata.GetValueOrDefault("repository")?.Attribute("url"));
            Assert.True(File.Exists(Path.Combine(packages.Folder, $"{id}.{Packages.Version}.snupkg")), $"{id} has no symbols");
        }
    }

    [Fact]
    public void Nothing_in_a_package_tells_where_it_was_built()
    {
        int documents = 0;
        byte[][] marks = [Encoding.UTF8.GetBytes(Sources.Folder), Encoding.Unicode.GetBytes(Sources.Folder)];
        foreach (string path in Directory.GetFiles(packages.Folder))
        {
            using ZipArchive package = ZipFile.OpenRead(path);
            foreach (ZipArchiveEntry entry in package.Entries)
            {
                using MemoryStream bytes = new();
                using (Stream stream = entry.Open())
                {
                    stream.CopyTo(bytes);
                }

                bool isMarked = marks.Any(mark => bytes.GetBuffer().AsSpan(0, (int)bytes.Length).IndexOf(mark) >= 0);
                Assert.False(isMarked, $"{Path.GetFileName(path)}: {entry} has {Sources.Folder}");
                if (entry.Name.EndsWith(".pdb", StringComparison.Ordinal))
                {
                    // Symbols keep paths in parts, which a search does not find.
                    bytes.Position = 0;
                    using MetadataReaderProvider symbols = MetadataReaderProvider.FromPortablePdbStream(bytes);
                    MetadataReader reader = symbols.GetMetadataReader();
                    string[] names = [.. reader.Documents.Select(document => reader.GetString(reader.GetDocument(document).Name))];
                    Assert.All(names, name => Assert.StartsWith("/_/", name));
                    documents += names.Length;
                }
            }
        }

        Assert.True(documents > 100, $"{documents} sources in all symbols");
    }

    [Fact]
    public void A_new_project_runs_the_example_with_the_packages_alone()
    {
        packages.Run("dotnet", "new", "console", "-o", "Trial", "--no-restore");
        string project = Path.Combine(packages.World, "Trial", "Trial.csproj");
        packages.Run("dotnet", "add", project, "package", "Engine.Core", "--version", Packages.Version, "--no-restore");
        XDocument document = XDocument.Load(project);
        document.Root!.Add(new XElement("ItemGroup", Libraries.Skip(1).Select(id => new XElement(
            "PackageReference", new XAttribute("Include", id), new XAttribute("Version", Packages.Version)))));
        document.Save(project);
        string program = Example() + $$"""

            foreach (string id in "{{string.Join(' ', Libraries)}}".Split(' '))
            {
                System.Reflection.Assembly assembly = System.Reflection.Assembly.Load(id);
                Console.WriteLine($"{id}: {string.Join(' ', assembly.GetManifestResourceNames())}");
            }
            """;
        File.WriteAllText(Path.Combine(packages.World, "Trial", "Program.cs"), program);

        string output = packages.Run("dotnet", "run", "--project", project);

        Assert.Contains("held-out digits right", output);
        Assert.Contains("Engine.Kernels: kernels.cu", output);
        Assert.Contains("Engine.Study: report/", output);
        Assert.True(File.Exists(Path.Combine(packages.World, "digits.safetensors")));
        foreach (string id in Libraries)
        {
            // Not one of the same name from elsewhere.
            string unpacked = Path.Combine(packages.Unpacked, id.ToLowerInvariant(), Packages.Version, $"{id.ToLowerInvariant()}.{Packages.Version}.nupkg");
            Assert.Equal(File.ReadAllBytes(Path.Combine(packages.Folder, $"{id}.{Packages.Version}.nupkg")), File.ReadAllBytes(unpacked));
        }
    }

    [Fact]
    public void A_program_of_one_file_names_the_package_and_runs()
    {
        // Without its property it would fetch the compiler for machine code, which is not what is tried.
        File.WriteAllText(
            Path.Combine(packages.World, "train.cs"), $"#:package Engine.Core@{Packages.Version}\n#:property PublishAot=false\n" + Example());
        Assert.Contains("held-out digits right", packages.Run("dotnet", "run", "train.cs"));
    }

    [Fact]
    public void The_command_installs_from_the_folder_and_trains()
    {
        packages.Run("dotnet", "tool", "install", "Engine.Tool", "--version", Packages.Version, "--tool-path", "tools");
        string engine = Path.Combine(packages.World, "tools", "engine");
        Assert.StartsWith(Packages.Version, packages.Run(engine, "--version").Replace("engine ", ""));
        Assert.NotEmpty(packages.Run(engine, "train", "--model", "resnet8", "--epochs", "1", "--out", "run"));
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(packages.World, "run")));
    }

    private static string Example()
    {
        string text = File.ReadAllText(Path.Combine(Sources.Folder, "examples", "Embed", "Program.cs"));
        Assert.Contains("Epochs = 6", text);
        return text.Replace("Epochs = 6", "Epochs = 1");
    }
}
