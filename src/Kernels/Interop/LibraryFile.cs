using System.Runtime.InteropServices;

namespace Engine.Kernels.Interop;

/// <summary>A native library that was loaded.</summary>
/// <param name="Handle">The loader's handle.</param>
/// <param name="Path">The file.</param>
/// <param name="Parts">Handles of the companions that were loaded with it.</param>
internal sealed record LoadedLibrary(nint Handle, string Path, IReadOnlyList<nint> Parts)
{
    /// <summary>Unloads it, so that another file of the same name can take its place.</summary>
    internal void Unload()
    {
        NativeLibrary.Free(Handle);
        foreach (nint part in Parts)
        {
            NativeLibrary.Free(part);
        }
    }
}

/// <summary>
/// Loads one file as one of the libraries that the CUDA device needs, after a look at it and at all that comes with it: what would
/// end the process is refused, with the reason.
/// </summary>
internal static class LibraryFile
{
    /// <summary>Loads a file.</summary>
    /// <param name="library">Which library it is taken for.</param>
    /// <param name="path">The file; a bare name is left to the loader.</param>
    /// <param name="problem">Why it cannot serve, a phrase that begins with its path; null when it can.</param>
    internal static LoadedLibrary? TryLoad(NativeLibraryDescription library, string path, out string? problem)
    {
        if (OperatingSystem.IsLinux() && !Path.IsPathRooted(path))
        {
            return TryLoadByName(library, path, out problem);
        }

        ElfImage? image = null;
        IReadOnlyList<string> companions = [];
        if (OperatingSystem.IsLinux())
        {
            image = ElfImage.Read(path, out string? fault);
            problem = fault is not null ? $"{path} {fault}"
                : NameFault(image!, path, library.FileNames)
                ?? CompanionsFault(library, image!, path, out companions)
                ?? NeededFault(image!, path, companions, []);
            if (problem is not null)
            {
                return null;
            }
        }

        List<nint> parts = LoadCompanions(companions, out Dictionary<string, string> refused);
        if (image is { OpensOthers: true } && library.Parts.FirstOrDefault(refused.ContainsKey) is { } part)
        {
            problem = $"{path} needs {part}, which does not load: {refused[part]}";
            parts.ForEach(NativeLibrary.Free);
            return null;
        }

        nint handle = Load(path, out string reason);
        if (handle == 0)
        {
            problem = $"{path} does not load: {reason}";
            parts.ForEach(NativeLibrary.Free);
            return null;
        }

        string[] missing = [.. library.Functions.Where(name => !NativeLibrary.TryGetExport(handle, name, out _))];
        LoadedLibrary loaded = new(handle, PathOf(handle, library, missing) ?? path, parts);
        if (missing.Length > 0)
        {
            string others = missing.Length switch { 1 => "", 2 => " and no 1 other", _ => $" and no {missing.Length - 1} others" };
            problem = $"{loaded.Path}{CudaOf(library, handle)} is too old: it has no {missing[0]}{others}";
            loaded.Unload();
            return null;
        }

        problem = null;
        return loaded;
    }

    /// <summary>
    /// The loader knows a place that is not known here, or another part of the program has loaded the library already: where it came
    /// from, the file is then looked at as any other.
    /// </summary>
    private static LoadedLibrary? TryLoadByName(NativeLibraryDescription library, string name, out string? problem)
    {
        nint handle = Load(name, out string reason);
        if (handle == 0)
        {
            problem = $"{name} does not load: {reason}";
            return null;
        }

        string? path = PathOf(handle, library, []);
        LoadedLibrary? loaded = null;
        problem = path is null ? $"{name} is too old: it has no {library.Functions[0]}" : null;
        if (path is not null)
        {
            loaded = TryLoad(library, path, out problem);
        }

        NativeLibrary.Free(handle);
        return loaded;
    }

    /// <summary>Loads a file that a library will open by name, such as NVRTC's builtins.</summary>
    /// <returns>Why it cannot be, a phrase that begins with its path; null when it was loaded.</returns>
    internal static string? LoadPart(string path, out nint handle)
    {
        handle = 0;
        if (ElfImage.Read(path, out string? fault) is not { } image)
        {
            return $"{path} {fault}";
        }

        if ((NameFault(image, path, [Path.GetFileName(path)]) ?? NeededFault(image, path, [], [])) is { } problem)
        {
            return problem;
        }

        handle = Load(path, out string reason);
        return handle == 0 ? $"{path} does not load: {reason}" : null;
    }

    // A library is asked for by the name that it has inside: under another one, those that need it do not find it.
    private static string? NameFault(ElfImage image, string path, IReadOnlyList<string> names) =>
        image.SoName is not { } name || names.Contains(name) ? null : $"{path} is {name} under another name";

    private static string? CompanionsFault(NativeLibraryDescription library, ElfImage image, string path, out IReadOnlyList<string> companions)
    {
        companions = [];

        // One that opens no others, such as one in a single piece, needs none of them.
        if (library.Companions is null || !image.OpensOthers)
        {
            return null;
        }

        string folder = Path.GetDirectoryName(path)!;
        companions = [.. Directory.EnumerateFileSystemEntries(folder, library.Companions).Order(StringComparer.Ordinal)];
        foreach (string companion in companions)
        {
            string name = Path.GetFileName(companion);
            if (ElfImage.Read(companion, out string? fault) is not { } part)
            {
                return $"{path} needs {name}, which {fault}";
            }

            if (NameFault(part, companion, [name]) is not null)
            {
                return $"{path} needs {name}, which is {part.SoName} under another name";
            }

            if (NeededFault(part, companion, companions, []) is { } needed)
            {
                return needed;
            }
        }

        foreach (string part in library.Parts)
        {
            if (!companions.Any(companion => Path.GetFileName(companion) == part))
            {
                string stem = part[..(part.IndexOf(".so.", StringComparison.Ordinal) + 4)];
                string? other = Directory.EnumerateFileSystemEntries(folder, stem + "*").Select(Path.GetFileName).FirstOrDefault();
                return $"{path} needs {part}, which is not beside it{(other is null ? "" : $" (there is {other}, of another version)")}";
            }
        }

        return null;
    }

    /// <summary>
    /// What the loader would load together with a file is looked at as well. What it would not find it says itself.
    /// </summary>
    private static string? NeededFault(ElfImage image, string path, IReadOnlyList<string> companions, HashSet<string> seen)
    {
        foreach (string name in image.Needed)
        {
            string? file = companions.FirstOrDefault(companion => Path.GetFileName(companion) == name)
                ?? LoaderPaths.In(image.RunPath, name).FirstOrDefault() ?? LoaderPaths.Find(name).FirstOrDefault();
            if (file is null || !seen.Add(file) || companions.Contains(file))
            {
                continue;
            }

            if (ElfImage.Read(file, out string? fault) is not { } needed)
            {
                return $"{path} needs {name}, and {file} {fault}";
            }

            if (NeededFault(needed, file, companions, seen) is { } problem)
            {
                return problem;
            }
        }

        return null;
    }

    // Those that need each other come in any order: what does not load yet may load when the others have been.
    private static List<nint> LoadCompanions(IReadOnlyList<string> files, out Dictionary<string, string> refused)
    {
        List<nint> handles = [];
        List<string> left = [.. files];
        int before;
        do
        {
            before = left.Count;
            refused = [];
            foreach (string file in left.ToArray())
            {
                nint handle = Load(file, out string reason);
                if (handle == 0)
                {
                    refused[Path.GetFileName(file)] = reason;
                }
                else
                {
                    handles.Add(handle);
                    left.Remove(file);
                }
            }
        }
        while (left.Count > 0 && left.Count < before);
        return handles;
    }

    private static nint Load(string path, out string reason)
    {
        reason = "";
        try
        {
            return OperatingSystem.IsLinux() ? LoaderApi.Load(path, out reason) : NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            reason = Reason(e.Message, path);
            return 0;
        }
    }

    /// <summary>The loader's own words in the runtime's message: what follows its advice, on a line or behind a colon.</summary>
    private static string Reason(string message, string path)
    {
        string[] lines = [.. message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Skip(1).Where(line => line != path)];
        string text = lines.Length > 0 ? string.Join(", ", lines.Distinct()) : message.ReplaceLineEndings(" ").Trim();
        int advice = text.IndexOf("dependencies: ", StringComparison.Ordinal);
        text = advice < 0 ? text : text[(advice + 14)..];
        return text.StartsWith(path + ": ", StringComparison.Ordinal) ? text[(path.Length + 2)..] : text;
    }

    private static unsafe string CudaOf(NativeLibraryDescription library, nint handle)
    {
        int version;
        return library.Key == NativeLibraryDescription.Driver.Key && NativeLibrary.TryGetExport(handle, "cuDriverGetVersion", out nint function)
            && ((delegate* unmanaged<int*, int>)function)(&version) == 0
                ? $" (CUDA {version / 1000}.{version % 1000 / 10})"
                : "";
    }

    private static string? PathOf(nint handle, NativeLibraryDescription library, string[] missing) =>
        library.Functions.FirstOrDefault(name => !missing.Contains(name)) is { } name && NativeLibrary.TryGetExport(handle, name, out nint address)
            ? LoadedFiles.Containing(address)
            : null;
}
