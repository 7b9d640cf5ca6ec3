using System.Diagnostics;
using System.Reflection;
using System.Xml.Linq;

namespace Engine.Packages.Tests;

/// <summary>The packages of this build in a folder of their own, and beside it an empty world that has nothing else of the engine's.</summary>
public sealed class Packages : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Packs what is built.</summary>
    public Packages()
    {
        string configuration = typeof(Packages).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        World = Directory.CreateDirectory(_folder["world"]).FullName;

        // .NET takes a folder of local data that is not there for none.
        Directory.CreateDirectory(_folder["data"]);
        Run("dotnet", "pack", Path.Combine(Sources.Folder, "src", "Packages.proj"), "--no-build", "-c", configuration, "-p:PackageOutputPath=" + Folder);
        File.WriteAllText(Path.Combine(World, "nuget.config"), new XElement(
            "configuration", new XElement("packageSources", new XElement("add", new XAttribute("key", "built"), new XAttribute("value", Folder)))).ToString());
    }

    /// <summary>The version in Directory.Build.props, which every package has.</summary>
    public static string Version { get; } = XDocument.Load(Path.Combine(Sources.Folder, "Directory.Build.props")).Descendants("Version").Single().Value;

    /// <summary>The packages.</summary>
    public string Folder => _folder["packages"];

    /// <summary>A folder for programs, whose nuget.config adds <see cref="Folder"/> to the machine's sources.</summary>
    public string World { get; }

    /// <summary>Where NuGet unpacks for the programs.</summary>
    public string Unpacked => _folder["nuget"];

    /// <summary>The ids of the packages.</summary>
    public IEnumerable<string> Ids => Directory.GetFiles(Folder, "*.nupkg").Select(path => Path.GetFileName(path).Replace($".{Version}.nupkg", "")).Order();

    /// <summary>Runs a program in <see cref="World"/>, which must succeed.</summary>
    /// <returns>What it printed.</returns>
    public string Run(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { WorkingDirectory = World, RedirectStandardOutput = true, RedirectStandardError = true };

        // What the process that runs the tests has set for MSBuild is not for others.
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            start.Environment.Remove(name);
        }

        // Nothing goes on after it ends, and all that it keeps is in the folder that is removed.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        start.Environment["NUGET_PACKAGES"] = Unpacked;
        start.Environment["XDG_DATA_HOME"] = _folder["data"];
        if (arguments.Contains("--no-build"))
        {
            start.Environment.Remove("NUGET_PACKAGES");
        }

        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: exit code {process.ExitCode}\n{output}\n{error.Result}");
        return output;
    }

    /// <summary>Removes everything.</summary>
    public void Dispose() => _folder.Dispose();
}
